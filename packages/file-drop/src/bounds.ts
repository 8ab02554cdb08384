/** What a file may cost before it is refused. Each guards against a file that was made to exhaust the machine. */
export interface Bounds {
  /** Of any one layer of a file: as delivered, decrypted, unpacked. In bytes. */
  maxFileBytes: number;
  /** Unpacked bytes for each packed byte, counted from 16 MiB on. */
  maxRatio: number;
  /** Files in one archive. */
  maxMembers: number;
  /** Wrappings around one file: `x.tar.gz.gpg` has three. */
  maxLayers: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  maxFileBytes: 64 * 1024 ** 3,
  maxRatio: 500,
  maxMembers: 1_000_000,
  maxLayers: 4,
};
