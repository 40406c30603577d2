/**
 * Masks the passwords of database URLs among a command's arguments in all of its output: messages, errors of libraries,
 * stack traces. The output may be kept in the logs of continuous integration.
 */
export function maskPasswords(args: readonly string[]): void {
  const passwords = passwordsOf(args);
  if (passwords.length === 0) return;
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...parts: unknown[]) => boolean;
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return write(withoutPasswords(text, passwords), ...rest);
    };
  }
}

/** The passwords, each as written in its URL, decoded and encoded, the longest first. */
export function passwordsOf(args: readonly string[]): string[] {
  const found = args.flatMap((arg) =>
    // Up to the last "@" and up to the first, because an "@" in a password may be unencoded.
    [/:\/\/([^:/?#]*):(.+)@/, /:\/\/([^:/?#]*):([^@]+)@/, /[?&](password)=([^&#]+)/].flatMap(
      (pattern) => {
        const [, user, password] = pattern.exec(arg) ?? [];
        // A password that equals the user name is no secret, and masking it would make the output unreadable.
        return password === undefined || password === user ? [] : [password];
      },
    ),
  );
  const forms = found.flatMap((password) => {
    const decoded = decode(password);
    return [password, decoded, encodeURIComponent(decoded)];
  });
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

export function withoutPasswords(text: string, passwords: readonly string[]): string {
  return passwords.reduce((masked, password) => masked.replaceAll(password, "***"), text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
