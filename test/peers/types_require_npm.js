// Versions, requirements, and whether npm's semver finds the one to satisfy the other: types_require_npm.js COUNT SEED.
//
// Each line: a version, a requirement, and 1 or 0; or nothing, text that is no requirement, and 9. Exit status 77: npm's
// semver is not found in NODE_PATH.
let semver;
try {
    semver = require('semver');
} catch (error) {
    process.exit(77);
}

const { random, choose } = require('./random')(Number(process.argv[3]));
const number = () => choose(['0', '0', '1', '1', '2', '3', '9', '99']);
const wrong = () => random() < 0.03 ? choose(['', '01', '.', 'a..b', 'a.']) : null;
const prerelease = () => random() < 0.35 ? '-' + choose(['0', '1', 'a', 'b.1', 'rc', 'alpha.0', 'x', '-']) : '';
const build = () => random() < 0.1 ? '+' + choose(['a', '1', 'b.2']) : '';
const suffix = () => {
    const text = wrong();
    return text === null ? prerelease() + build() : choose(['-', '+']) + text;
};
const version = () => [number(), number(), number()].join('.') + prerelease() + build();
const wild = () => random() < 0.2 ? choose(['x', 'X', '*']) : number();
const partial = () => {
    const count = choose([1, 2, 3, 3, 3]);
    const text = Array.from({ length: count }, wild).join('.');
    return choose(['', '', '', 'v', '=']) + text + (count === 3 ? suffix() : '');
};
const space = () => choose(['', '', '', ' ', '  ']);
const comparator = () => choose(['', '', '^', '^', '~', '~', '~>', '~> >', '>', '>=', '<', '<=', '=']) + space() + partial();
const alternative = () => random() < 0.15 ? partial() + choose([' - ', '  -  ']) + partial()
    : Array.from({ length: choose([0, 1, 1, 1, 2, 2, 3]) }, comparator).join(' ');
const damage = text => {
    const at = Math.floor(random() * (text.length + 1));
    return random() < 0.08 ? text.slice(0, at) + choose('.-x*~^<>=|0 a+') + text.slice(at + choose([0, 1])) : text;
};

// Older ones read a number behind a wildcard as another wildcard; newer ones refuse it.
const refusesNumberBehindWildcard = semver.validRange('1.x.9') === null;
// It strikes out every star at the end, so that a version with a star stuck to it is that version; and newer ones strike
// out a + and what follows first, wherever it stands. Neither is written down.
const accident = text => /[0-9A-Za-uw-z-]\*|[\w-](=|[<>]\s*=?)\s*\*|\*[^\s.|+-]/.test(text) ||
    text.split('+').slice(0, -1).some(before => !/[\dxX*]+\.[\dxX*]+\.[\dxX*]+(-[0-9A-Za-z.-]+)?$/.test(before));

const lines = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
    const requirement = damage(Array.from({ length: choose([1, 1, 1, 2]) }, alternative).join(choose(['||', ' || '])));
    let range = null;
    try {
        range = new semver.Range(requirement);
    } catch (error) {
        lines.push(['', requirement, 9].join('\t'));
        continue;
    }
    if (accident(requirement)) {
        continue;
    }
    for (let j = 0; j < 4; j++) {
        const candidate = version();
        if (!refusesNumberBehindWildcard && /[xX*]\.[0-9]/.test(requirement)) {
            continue;
        }
        lines.push([candidate, requirement, range.test(candidate) ? 1 : 0].join('\t'));
    }
}
process.stdout.write(lines.map(line => line + '\n').join(''));
