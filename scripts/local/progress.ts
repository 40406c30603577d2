import type { WriteStream } from "node:tty";

/** Shows the step that is being done. */
export interface Progress {
  step(text: string): void;
  end(): void;
}

const frames = ["|", "/", "-", "\\"];

/** Shows a step as a line with a spinner on a terminal, and as a plain line elsewhere, as in CI. */
export function createProgress(stream: WriteStream): Progress {
  if (!stream.isTTY || process.env.CI) {
    return { step: (text) => void stream.write(`${text} ...\n`), end: () => {} };
  }
  let current: string | null = null;
  let frame = 0;
  const clear = () => void stream.write("\r\x1b[2K");
  const draw = () => {
    clear();
    stream.write(`${frames[frame % frames.length]} ${current}`);
    frame += 1;
  };
  const timer = setInterval(() => current && draw(), 100);
  const finish = () => {
    if (current === null) return;
    clear();
    stream.write(`  ${current}\n`);
  };
  return {
    step: (text) => {
      finish();
      current = text;
      draw();
    },
    end: () => {
      clearInterval(timer);
      finish();
      current = null;
    },
  };
}
