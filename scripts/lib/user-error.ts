/**
 * A failure that the person at the terminal can correct: `scripts/run.cjs` prints its sentence and the
 * next step, and no stack trace.
 */
export class UserError extends Error {
  override readonly name = "UserError";

  /**
   * @param message one plain sentence that says what is wrong
   * @param next what to do about it
   */
  constructor(
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
