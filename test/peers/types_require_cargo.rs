//! Versions, requirements, and whether the crate semver finds the one to satisfy the other: types_require_cargo.rs COUNT SEED.
//!
//! Each line: a version, a requirement, and 1 or 0; or nothing, text that is no requirement, and 9.
use semver::{Version, VersionReq};
use std::io::Write;

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % most as u64) as usize
    }

    fn choose<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn number(&mut self) -> &'static str {
        self.choose(&["0", "0", "1", "1", "1", "2", "9"])
    }

    fn suffix(&mut self) -> String {
        let pre = ["", "", "", "", "", "", "", "", "-0", "-1", "-a", "-b.1", "-rc", "-alpha.0", "--", "-0a"];
        String::from(self.choose(&pre)) + self.choose(&["", "", "", "", "+a", "+01.b"])
    }

    fn version(&mut self) -> String {
        format!("{}.{}.{}{}", self.number(), self.number(), self.number(), self.suffix())
    }

    fn partial(&mut self) -> String {
        let mut text = String::from(self.number());
        for _ in 0..self.below(3) {
            text.push('.');
            text += if self.below(7) == 0 { self.choose(&["*", "x", "X"]) } else { self.number() };
        }
        if text.len() >= 5 {
            text += &self.suffix();
        }
        text
    }

    fn comparison(&mut self) -> String {
        let sign = self.choose(&["", "", "^", "~", "=", ">", ">=", ">=", "<", "<=", "<="]);
        format!("{}{}{}{}", sign, self.choose(&["", "", " "]), self.partial(), self.choose(&["", "", " "]))
    }

    fn requirement(&mut self) -> String {
        if self.below(30) == 0 {
            return String::from(self.choose(&["*", " x ", "X", "", "*,1", "1,*", "*.1"]));
        }
        let count = 1 + self.below(4) / 3;
        let mut parts: Vec<String> = (0..count).map(|_| self.comparison()).collect();
        if self.below(5) == 0 {
            parts.push(format!(">={}", self.version()));
        }
        let mut text = parts.join(self.choose(&[",", ", "]));
        if self.below(12) == 0 {
            let at = self.below(text.len());
            let end = at + self.below(2);
            text.replace_range(at..end, self.choose(&[".", "-", "x", "*", "^", "<", "=", " ", "0", "a", "+", ",", "v"]));
        }
        text
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut random = Random(arguments[2].parse().unwrap());
    let mut lines = Vec::new();
    for _ in 0..arguments[1].parse().unwrap() {
        let text = random.requirement();
        match VersionReq::parse(&text) {
            Err(_) => writeln!(lines, "\t{}\t9", text).unwrap(),
            Ok(requirement) => {
                for _ in 0..4 {
                    let version = random.version();
                    let answer = requirement.matches(&Version::parse(&version).unwrap());
                    writeln!(lines, "{}\t{}\t{}", version, text, answer as u8).unwrap();
                }
            }
        }
    }
    std::io::stdout().write_all(&lines).unwrap();
}
