// Package URLs and what packageurl-js reads in them: types_purl.js COUNT SEED.
//
// Each line, for COPY: a JSON array of the text, what was read (an object of the parts, or null where it was refused), the
// canonical form of these parts as ECMA-427 encodes it, and the library's own. Exit status 77: packageurl-js is not found
// in NODE_PATH.
let PackageURL;
try {
    PackageURL = require('packageurl-js').PackageURL;
} catch (error) {
    process.exit(77);
}
const { random, choose, several } = require('./random')(Number(process.argv[3]));

const types = ('alpm apk bazel bitbucket bitnami brew cargo chrome-extension cocoapods composer conan conda cpan cran deb docker ' +
    'gem generic git github golang hackage hex huggingface julia luarocks maven mlflow npm nuget oci opam otp pub pypi qpkg rpm ' +
    'swid swift vcpkg vscode-extension yocto gitlab unknown').split(' ');
const plain = [...'abcxyzABZ0189-._~'];
const hostile = [...' +:@%&=?#/!*()\'"<>{}|^`,;$[]\\éÉßİ漢🦔'];
const capital = text => random() < 0.15 ? text.toUpperCase() : text;

// The text with a character encoded that need not be, in either case of the digits, or left as it is that should be.
const encode = text => Array.from(text, c => {
    const encoded = random() < 0.9 ? encodeURIComponent(c) : c;
    const more = encoded === c && c < '\x80' && random() < 0.03 ? '%' + c.charCodeAt(0).toString(16).padStart(2, '0') : encoded;
    return random() < 0.1 ? more.toLowerCase() : more;
}).join('');
const word = () => random() < 0.03 ? choose(['', '', ' ']) : several(8, () => choose(random() < 0.9 ? plain : hostile)).join('');
const segments = most => several(most, () => random() < 0.08 ? choose(['', '.', '..', ' ']) : encode(word())).join('/');
const version = () => choose([() => '1.2.3', () => 'v1.2.3', () => 'v1', () => '1:2.3-4+b1', () => '1.0A', word, word])();
const qualifier = () => capital(choose(['arch', 'os', 'uuid', 'tag_id', 'channel', 'repository_url', 'x.y-z_', '1st', word()])) +
    (random() < 0.03 ? '' : '=') + encode(choose([word(), word(), 'https://adb.azuredatabricks.net/x', '', ' a ', 'a+b']));
const name = type => type === 'chrome-extension' && random() < 0.7 ? 'dlpngalgnefjeiefhmpklpfiohadpglk'
    : encode(type === 'cpan' && random() < 0.3 ? word() + '::' + word() : word());
const damage = text => {
    const characters = Array.from(text);
    if (random() < 0.15)
        characters.splice(Math.floor(random() * (characters.length + 1)), choose([0, 1]), choose([...hostile, '%zz', '%2', '%00', '%C3', '%2F', '%25', '//', '']));
    return characters.join('');
};
const purl = () => {
    const type = choose(types);
    return damage(choose(['pkg:', 'pkg:', 'pkg:', 'pkg:', 'pkg:', 'pkg:', 'PKG:', ' pkg:', 'pkg:/', 'pkg://', 'pkg']) + capital(type) + '/' +
        (random() < 0.6 ? segments(3) + '/' : '') + name(type) + (random() < 0.7 ? '@' + encode(version()) : '') +
        (random() < 0.4 ? '?' + several(3, qualifier).join('&') : '') + (random() < 0.3 ? '#' + segments(3) : ''));
};

// Percent-encoding as in ECMA-427: but letters, digits, . - _ ~ and : every byte.
const strict = text => encodeURIComponent(text).replace(/[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase())
    .replace(/%3A/g, ':');
const path = text => text.split('/').map(strict).join('/');
const canonical = ({ type, namespace, name, version, qualifiers, subpath }) => `pkg:${type}/` + (namespace ? path(namespace) + '/' : '') +
    strict(name) + (version ? '@' + strict(version) : '') +
    Object.keys(qualifiers).sort().map((key, i) => (i ? '&' : '?') + key + '=' + strict(qualifiers[key])).join('') +
    (subpath ? '#' + path(subpath) : '');

const lines = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
    const text = purl();
    let read = null;
    let own = null;
    try {
        const found = PackageURL.fromString(text);
        read = { type: found.type, namespace: found.namespace || null, name: found.name, version: found.version || null,
            qualifiers: { ...found.qualifiers }, subpath: found.subpath || null };
        own = found.toString();
    } catch (error) {
        read = null;
    }
    // A text of the server holds no null character: its picture stands for it.
    lines.push(JSON.stringify([text, read, read && canonical(read), own]).replace(/\\u0000/g, '\u2400').replace(/\\/g, '\\\\'));
}
process.stdout.write(lines.map(line => line + '\n').join(''));
