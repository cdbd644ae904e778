// Maven's own answers (ComparableVersion, VersionRange): types_maven.java order|require COUNT SEED.
//
// order: each line a version, another, and -1, 0 or 1; or -2 or 2, where the pair is one of the exceptions that make Maven's
// order one without cycles, and ours is the other way round. require: a version, a requirement, and 1 or 0; or nothing, text
// that is no requirement, and 9; left out where a pair of its versions is such an exception, and where Maven takes for a
// version what its models may not contain. Exit status 77: maven-artifact is not in the class path.
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

class Peer {
    static final String[] NUMBERS = {
        "0", "0", "0", "1", "1", "2", "9", "10", "30", "31", "32", "00", "01", "007", "119", "120", "121", "255", "256", "65536",
        "999999999", "1000000000", "18446744073709551615", "18446744073709551616", "1000000000000000000000000000000",
        "0000000000", "00000000000000000000", "000000000000000000000000000001"};
    static final String[] WORDS = {
        "alpha", "a", "beta", "b", "milestone", "m", "rc", "cr", "CR", "snapshot", "SNAPSHOT", "ga", "final", "RELEASE", "Final",
        "sp", "SP", "x", "X", "xyz", "jre", "redhat", "_", "+", "ab", "alphax", "alph", "z", "~", "!", "a_"};
    static final String[] SEPARATORS = {"", ".", ".", ".", "-", "-", "-", "--", "..", ".-", "-0-", "-0."};

    static Random random;
    static Class<?> comparable;
    static Field items;
    static Method compareItems;
    static Constructor<?> version;
    static Method parseRange;
    static Method contains;

    static String choose(String... list) {
        return list[random.nextInt(list.length)];
    }

    // Most versions as people write them, the others from anything.
    static String version() {
        StringBuilder text = new StringBuilder();
        if (random.nextInt(2) == 0) {
            for (int count = 1 + random.nextInt(3); count > 0; count--)
                text.append(text.length() == 0 ? "" : ".").append(random.nextInt(3));
            if (random.nextInt(2) == 0)
                text.append(choose("-", ".", "")).append(choose(WORDS));
            if (random.nextInt(3) == 0)
                text.append(choose("-", ".", "")).append(1 + random.nextInt(12));
            return text.toString();
        }
        for (int count = 1 + random.nextInt(6); count > 0; count--)
            text.append(choose(SEPARATORS)).append(random.nextInt(5) < 2 ? choose(WORDS) : choose(NUMBERS));
        return text.toString();
    }

    static String neighbour(String text) {
        int at = random.nextInt(text.length() + 1);
        if (random.nextInt(4) == 0 && text.length() > 1 && at < text.length())
            return text.substring(0, at) + text.substring(at + 1);
        return text.substring(0, at) + choose("0", "1", ".", "-", "a", "x", "rc", ".0", "-0", ".ga") + text.substring(at);
    }

    // Maven takes a number of ten or more zeros for more than 999999999; here it is 0.
    static String shortenZeros(String text) {
        return text.replaceAll("(?<![0-9])0{10,}(?![0-9])", "0");
    }

    static Object parse(String text) throws Exception {
        return comparable.getConstructor(String.class).newInstance(shortenZeros(text));
    }

    static int compareItems(Object a, Object b) throws Exception {
        return (int) compareItems.invoke(a, b);
    }

    static boolean is(Object item, String type) {
        return item.getClass().getSimpleName().equals(type);
    }

    // The sign of the first item from there on that is neither 0 nor a release.
    static int side(List<?> list, int from) throws Exception {
        for (Object item : list.subList(from, list.size()))
            if (compareItems(item, null) != 0)
                return Integer.signum(compareItems(item, null));
        return 0;
    }

    // Maven has text < list < number. Against that, a list or a 0 with a pre-release as its side comes before text with another
    // side, and such a 0 before a list with another side.
    static boolean isException(List<?> a, int i, List<?> b, int j) throws Exception {
        if (side(a, i) >= 0 || side(b, j) <= 0)
            return false;
        boolean zero = !is(a.get(i), "StringItem") && !is(a.get(i), "ListItem");
        return (is(b.get(j), "StringItem") && (zero || is(a.get(i), "ListItem"))) || (is(b.get(j), "ListItem") && zero);
    }

    // Whether the first items that differ make an exception.
    static boolean isException(List<?> a, List<?> b) throws Exception {
        for (int i = 0; i < a.size() && i < b.size(); i++) {
            if (is(a.get(i), "ListItem") && is(b.get(i), "ListItem"))
                return isException((List<?>) a.get(i), (List<?>) b.get(i));
            if (compareItems(a.get(i), b.get(i)) != 0)
                return isException(a, i, b, i) || isException(b, i, a, i);
        }
        return false;
    }

    // As the lines have it.
    static int order(String a, String b) throws Exception {
        Object x = parse(a);
        Object y = parse(b);
        @SuppressWarnings("unchecked")
        int order = Integer.signum(((Comparable<Object>) x).compareTo(y));
        return isException((List<?>) items.get(x), (List<?>) items.get(y)) ? 2 * order : order;
    }

    static void appendOrder(StringBuilder lines) throws Exception {
        String a = version();
        String b = random.nextInt(2) == 0 ? neighbour(a) : version();
        lines.append(a).append('\t').append(b).append('\t').append(order(a, b)).append('\n');
    }

    static String smallVersion() {
        return choose("1", "1.0", "1.1", "1.1.0", "2", "2.0-alpha", "2-rc1", "2.0-SNAPSHOT", "2.0.ga", "2-sp", "2-x", "2-1", "2.1", "3", "3.0");
    }

    static String requirement() {
        StringBuilder text = new StringBuilder();
        if (random.nextInt(12) == 0)
            return version();
        for (int count = choose("1", "1", "1", "2", "2", "3").charAt(0) - '0'; count > 0; count--) {
            String lower = random.nextInt(4) == 0 ? "" : random.nextInt(6) == 0 ? version() : smallVersion();
            String upper = random.nextInt(4) == 0 ? "" : random.nextInt(6) == 0 ? lower : smallVersion();
            text.append(text.length() == 0 ? "" : choose(",", ",", " , ", "", " "));
            if (random.nextInt(5) == 0)
                text.append(choose("[", "[", "[", "(")).append(lower).append(choose("]", "]", "]", ")"));
            else
                text.append(choose("[", "(")).append(choose("", " ")).append(lower).append(choose(",", " ,")).append(upper).append(choose("]", ")", " )"));
        }
        int at = random.nextInt(text.length());
        if (random.nextInt(12) == 0)
            text.replace(at, at + random.nextInt(2), choose("[", "]", "(", ")", ",", " ", "-", "0"));
        return text.toString();
    }

    static void appendRequirement(StringBuilder lines) throws Exception {
        String text = requirement();
        List<String> named = new ArrayList<>();
        boolean soft = !text.startsWith("[") && !text.startsWith("(");
        for (String part : soft ? new String[] {text} : text.split("[\\[\\](),]"))
            if (!part.trim().isEmpty())
                named.add(soft ? part : part.trim());
        // A version that has blanks, commas or brackets in it, or nothing.
        boolean odd = text.matches(".*[\\[(][^\\])]*[\\[(].*|.*[\\[(][^\\])]*,[^\\])]*,[^\\])]*[\\])].*|.*\\[ *\\].*|")
            || named.stream().anyMatch(part -> part.matches(".*[ \\[\\](),].*"));
        boolean exceptional = false;
        for (String a : named)
            for (String b : named)
                exceptional |= Math.abs(order(a, b)) == 2;
        if (exceptional)
            return;
        Object range = null;
        try {
            range = parseRange.invoke(null, shortenZeros(text));
        } catch (InvocationTargetException refused) {
            lines.append("\t").append(text).append("\t9\n");
        }
        for (int i = 0; range != null && !odd && i < 4; i++) {
            String candidate = random.nextInt(4) == 0 ? version() : smallVersion();
            exceptional = false;
            for (String a : named)
                exceptional |= Math.abs(order(a, candidate)) == 2;
            if (!exceptional)
                lines.append(candidate).append('\t').append(text).append('\t')
                    .append((boolean) contains.invoke(range, version.newInstance(shortenZeros(candidate))) ? 1 : 0).append('\n');
        }
    }

    static void load() throws Exception {
        String place = "org.apache.maven.artifact.versioning.";
        comparable = Class.forName(place + "ComparableVersion");
        Class<?> range = Class.forName(place + "VersionRange");
        version = Class.forName(place + "DefaultArtifactVersion").getConstructor(String.class);
        parseRange = range.getMethod("createFromVersionSpec", String.class);
        contains = range.getMethod("containsVersion", Class.forName(place + "ArtifactVersion"));
        items = comparable.getDeclaredField("items");
        items.setAccessible(true);
        Class<?> item = Class.forName(comparable.getName() + "$Item");
        compareItems = item.getDeclaredMethod("compareTo", item);
        compareItems.setAccessible(true);
    }

    public static void main(String[] arguments) throws Exception {
        try {
            load();
        } catch (ClassNotFoundException missing) {
            System.exit(77);
        }
        random = new Random(Long.parseLong(arguments[2]));
        StringBuilder lines = new StringBuilder();
        for (int i = Integer.parseInt(arguments[1]); i > 0; i--)
            if (arguments[0].equals("order"))
                appendOrder(lines);
            else
                appendRequirement(lines);
        System.out.print(lines);
    }
}
