// Pairs of semantic versions and their order, as npm has it: types_semver.js COUNT SEED.
//
// Each line: a version, another, and -1, 0 or 1; or text that is no version, nothing, and 9. Numbers beyond 2^53, which
// npm refuses and the specification does not, are left out. Exit status 77: npm's semver is not found in NODE_PATH.
let SemVer;
try {
    SemVer = require('semver').SemVer;
} catch (error) {
    process.exit(77);
}

const { random, choose, several } = require('./random')(Number(process.argv[3]));
const number = () => choose(['0', '1', '2', '9', '10', '94', '95', '96', '159', '160', '255', '256', '65536', '9007199254740991']);
const identifier = () => random() < 0.4 ? number() : several(5, () => choose('-0129AMZabmz')).join('');
const version = () => choose(['', '', 'v']) + [number(), number(), number()].join('.') +
    (random() < 0.6 ? '-' + several(3, identifier).join('.') : '') + (random() < 0.2 ? '+' + identifier() : '');
const neighbour = text => {
    const at = Math.floor(random() * (text.length + 1));
    return text.slice(0, at) + choose('-0.az1Z+') + text.slice(at);
};
const parse = text => {
    try {
        return new SemVer(text);
    } catch (error) {
        return null;
    }
};
const tooLarge = text => (text.match(/\d+/g) || []).some(digits => Number(digits) > Number.MAX_SAFE_INTEGER);

const lines = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
    const a = version();
    const b = random() < 0.5 ? neighbour(a) : version();
    const [x, y] = [parse(a), parse(b)];
    for (const [text, parsed] of [[a, x], [b, y]])
        if (!parsed && !tooLarge(text))
            lines.push([text, '', 9].join('\t'));
    if (x && y)
        lines.push([a, b, x.compare(y)].join('\t'));
}
process.stdout.write(lines.map(line => line + '\n').join(''));
