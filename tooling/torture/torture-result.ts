export interface Torture {
  /** Where the tortured program and the sound one that inspects lie. They differ only for a mutant. */
  bundle: string;
  sound: string;
  seed: number;
  onProgress?: (line: string) => void;
}

/** How many times it was hit, and what went wrong. */
export interface TortureResult {
  hits: number;
  problems: string[];
}
