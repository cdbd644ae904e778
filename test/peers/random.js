// Random choices that follow a seed: require('./random')(seed). The generator is mulberry32, whose period is 2^32.
module.exports = seed => {
    let state = seed;
    const random = () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
    };
    const choose = list => list[Math.floor(random() * list.length)];
    const several = (most, make) => Array.from({ length: 1 + Math.floor(random() * most) }, make);
    return { random, choose, several };
};
