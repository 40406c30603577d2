/** A failed test, or a reason why tests did not run. */
export interface Failure {
  /** The file that the reader has to open. */
  file: string;
  name: string;
  details: string[];
}

/** The result of some tests. */
export interface Tally {
  passed: number;
  failures: Failure[];
}

/** The sum of several runs. */
export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failures: tallies.flatMap(({ failures }) => failures),
  };
}
