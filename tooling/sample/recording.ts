const HEADER_BYTES = 44;
const SAMPLES = 6_000_000;
const SAMPLES_PER_SECOND = 44_100;
const BYTES_PER_SAMPLE = 2;

/** A recording of 12 MB: a planer whose bearing squeaks from second 40 on. The same bytes on every machine. */
export function makeRecording(): Buffer {
  const file = Buffer.alloc(HEADER_BYTES + SAMPLES * BYTES_PER_SAMPLE);
  writeHeader(file);
  let noise = 1;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    // Integers alone: what a sine gives in the last bit differs between machines.
    noise = (Math.imul(noise, 1_664_525) + 1_013_904_223) >>> 0;
    const hum = triangle(sample, 441) * 20;
    const squeak = sample > 40 * SAMPLES_PER_SECOND ? triangle(sample, 13) * 300 : 0;
    file.writeInt16LE(hum + squeak + ((noise >>> 20) - 2048), HEADER_BYTES + sample * BYTES_PER_SAMPLE);
  }
  return file;
}

function triangle(sample: number, period: number): number {
  const place = sample % (2 * period);
  return (place < period ? place : 2 * period - place) - (period >> 1);
}

function writeHeader(file: Buffer): void {
  const content = SAMPLES * BYTES_PER_SAMPLE;
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(HEADER_BYTES - 8 + content, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  file.writeUInt32LE(SAMPLES_PER_SECOND * BYTES_PER_SAMPLE, 28);
  file.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  file.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(content, 40);
}
