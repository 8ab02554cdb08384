const ROUNDS: {
  constant: number;
  shifts: number[];
  order: number[];
  mix: (x: number, y: number, z: number) => number;
}[] = [
  {
    constant: 0,
    shifts: [3, 7, 11, 19],
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    mix: (x, y, z) => (x & y) | (~x & z),
  },
  {
    constant: 0x5a827999,
    shifts: [3, 5, 9, 13],
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    mix: (x, y, z) => (x & y) | (x & z) | (y & z),
  },
  {
    constant: 0x6ed9eba1,
    shifts: [3, 9, 11, 15],
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    mix: (x, y, z) => x ^ y ^ z,
  },
];

/** RFC 1320. OpenSSL 3 no longer offers it, and NTLM cannot do without it. */
export function md4(data: Buffer): Buffer {
  const padded = Buffer.alloc((((data.length + 8) >> 6) + 1) << 6);
  data.copy(padded);
  padded[data.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(data.length) * 8n, padded.length - 8);
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let start = 0; start < padded.length; start += 64) {
    const block = padded.subarray(start, start + 64);
    let next = state;
    for (const round of ROUNDS) next = mixed(next, block, round);
    state = state.map((value, index) => (value + (next[index] ?? 0)) | 0);
  }
  const digest = Buffer.alloc(16);
  state.forEach((value, index) => digest.writeInt32LE(value | 0, index * 4));
  return digest;
}

function mixed(state: number[], block: Buffer, { constant, shifts, order, mix }: (typeof ROUNDS)[number]): number[] {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  order.forEach((word, step) => {
    const sum = (a + mix(b, c, d) + block.readInt32LE(word * 4) + constant) | 0;
    const shift = shifts[step % 4] ?? 0;
    [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
  });
  return [a, b, c, d];
}
