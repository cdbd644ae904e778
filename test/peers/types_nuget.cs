// NuGet's own answers (NuGet.Versioning, within nuget.exe): types_nuget.cs NUGET.EXE order|require COUNT SEED.
//
// order: each line a version, another, and -1, 0 or 1; or text that is no version, nothing, and 9. require: a version, a
// requirement, and 1 or 0; or nothing, text that is no requirement, and 9. Left out, for NuGet is on its own there: space
// within a version or beside a star, numbers beyond 2^31 - 1, pre-release labels of a hyphen and digits (a negative number to
// it), a star behind a digit (1* is read as 10), or behind a dot in a pre-release with a hyphen (no version to it); and what earlier releases do otherwise: they take (1.0] and ranges upside
// down, and refuse text of less than three characters.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

class Peer
{
    static Random random;
    static MethodInfo parseVersion, parseRange, satisfies, floatSatisfies;
    static PropertyInfo floats;

    static T Choose<T>(params T[] list) { return list[random.Next(list.Length)]; }

    static string Several(int most, string between, Func<string> make)
    {
        return string.Join(between, Enumerable.Range(0, 1 + random.Next(most)).Select(i => make()));
    }

    static string Number()
    {
        return Choose("0", "0", "1", "1", "2", "9", "10", "94", "95", "96", "159", "160", "255", "256", "65536", "2147483647", "00", "01");
    }

    static string Label()
    {
        return random.Next(5) < 2 ? Number() : random.Next(2) == 0 ? Choose("alpha", "beta", "Beta", "RC", "rc", "preview1", "x")
            : Several(4, "", () => Choose("-", "0", "1", "9", "a", "A", "m", "z", "Z"));
    }

    static string Version()
    {
        return Several(4, ".", Number) + (random.Next(2) == 0 ? "-" + Several(3, ".", Label) : "")
            + (random.Next(5) == 0 ? "+" + Label() : "");
    }

    static string SmallVersion()
    {
        return Several(4, ".", () => Choose("0", "0", "1", "1", "2")) + (random.Next(3) == 0 ? "-" + Several(2, ".", SmallLabel) : "")
            + (random.Next(9) == 0 ? "+b" : "");
    }

    static string SmallLabel() { return Choose("0", "1", "10", "a", "b", "B", "beta", "beta1", "Beta-2", "x", "z"); }

    static string Neighbour(string text)
    {
        int at = random.Next(text.Length + 1);
        return text.Substring(0, at) + Choose("-", "0", ".", "a", "Z", "1", "+", ".0") + text.Substring(at);
    }

    static string Float()
    {
        string numbers = random.Next(3) == 0 ? "" : Several(3, ".", () => Choose("0", "1", "2")) + ".";
        switch (random.Next(4))
        {
            case 0: return Several(4, ".", () => Choose("0", "1", "2")) + "-" + Choose("", "", "b", "B", "beta", "beta.", "1", "a-", "a-b") + "*";
            case 1: return numbers + "*-" + Choose("", "", "b", "beta", "1", "beta.") + "*";
            default: return numbers + "*";
        }
    }

    static string Requirement()
    {
        string text = random.Next(3) == 0 ? Float() : SmallVersion();
        if (random.Next(3) > 0)
        {
            string lower = random.Next(4) == 0 ? "" : random.Next(4) == 0 ? Float() : SmallVersion();
            string upper = random.Next(4) == 0 ? "" : random.Next(6) == 0 ? lower : SmallVersion();
            text = Choose("[", "(") + Choose("", " ") + lower + Choose(",", " , ", ", ") + upper + Choose("", " ") + Choose("]", ")");
        }
        else if (random.Next(3) == 0)
            text = Choose("[", "[", "(") + (random.Next(20) == 0 ? " " : text) + Choose("]", "]", ")");
        int at = random.Next(text.Length + 1);
        if (random.Next(12) == 0)
            text = text.Substring(0, at) + Choose("*", ",", "[", ")", "-", ".", "0", "+") + text.Substring(Math.Min(text.Length, at + random.Next(2)));
        return random.Next(9) == 0 ? " " + text + " " : text;
    }

    static bool LeftOut(string text)
    {
        const string label = @"[-.]-[0-9]+(?![-0-9A-Za-z])", space = "[-.0-9A-Za-z+*] +[-.0-9A-Za-z+*]";
        const string star = @"(?<![-.0-9A-Za-z])[0-9.]*[0-9]\*|\* | \*|-[^,*]*-[^,*]*\.\*";
        return Regex.IsMatch(text, label + "|" + space + "|" + star)
            || Regex.Matches(text, "[0-9]+").Cast<Match>().Any(m => m.Length > 10 || long.Parse(m.Value) > int.MaxValue);
    }

    static object Parse(MethodInfo method, string text)
    {
        var arguments = new object[] { text, null };
        return (bool) method.Invoke(null, arguments) ? arguments[1] : null;
    }

    static object Get(object of, string property) { return of.GetType().GetProperty(property).GetValue(of); }

    static bool IsOlderReading(string text, object range)
    {
        if (range == null)
            return text.Length < 3;
        if ("[(".IndexOf(text[0]) < 0)
            return false;
        object from = Get(range, "MinVersion"), to = Get(range, "MaxVersion");
        int order = from == null || to == null ? -1 : ((IComparable) from).CompareTo(to);
        bool differ = !Get(range, "IsMinInclusive").Equals(Get(range, "IsMaxInclusive"));
        return order > 0 || (order == 0 && differ) || (text.IndexOf(',') < 0 && text.IndexOf('(') + text.IndexOf(')') > -2);
    }

    static void Order(StringBuilder lines)
    {
        string a = Version(), b = random.Next(2) == 0 ? Neighbour(a) : Version();
        object x = Parse(parseVersion, a), y = Parse(parseVersion, b);
        if (LeftOut(a) || LeftOut(b))
            return;
        foreach (var text in new[] { x == null ? a : null, y == null ? b : null })
            if (text != null)
                lines.Append(text + "\t\t9\n");
        if (x != null && y != null)
            lines.Append(a + "\t" + b + "\t" + Math.Sign(((IComparable) x).CompareTo(y)) + "\n");
    }

    static void Require(StringBuilder lines)
    {
        string text = Requirement();
        if (LeftOut(text))
            return;
        object range = Parse(parseRange, text);
        if (IsOlderReading(text.Trim(), range))
            return;
        if (range == null)
        {
            lines.Append("\t" + text + "\t9\n");
            return;
        }
        object pattern = floats.GetValue(range);
        for (int i = 0; i < 4; i++)
        {
            string candidate = SmallVersion();
            object version = Parse(parseVersion, candidate);
            if (LeftOut(candidate))
                continue;
            bool answer = (bool) satisfies.Invoke(range, new[] { version })
                && (pattern == null || (bool) floatSatisfies.Invoke(pattern, new[] { version }));
            lines.Append(candidate + "\t" + text + "\t" + (answer ? 1 : 0) + "\n");
        }
    }

    static void Main(string[] arguments)
    {
        var nuget = Assembly.LoadFrom(arguments[0]);
        Type version = nuget.GetType("NuGet.Versioning.NuGetVersion"), range = nuget.GetType("NuGet.Versioning.VersionRange");
        parseVersion = version.GetMethod("TryParse", new[] { typeof(string), version.MakeByRefType() });
        parseRange = range.GetMethod("TryParse", new[] { typeof(string), range.MakeByRefType() });
        satisfies = range.GetMethod("Satisfies", new[] { version });
        floats = range.GetProperty("Float");
        floatSatisfies = floats.PropertyType.GetMethod("Satisfies", new[] { version });
        random = new Random(int.Parse(arguments[3]));
        var lines = new StringBuilder();
        for (int i = int.Parse(arguments[2]); i > 0; i--)
            if (arguments[1] == "order")
                Order(lines);
            else
                Require(lines);
        Console.Write(lines);
    }
}
