import { parse } from "smol-toml";
import { z } from "zod";

const functionsSchema = z.object({
  functions: z
    .record(z.string(), z.looseObject({ verify_jwt: z.boolean().optional() }))
    .default({}),
});

/** The change of a config.toml. */
export interface SettingsPlan {
  /** The whole new text. */
  text: string;
  /** The functions whose entries are added. */
  added: string[];
  /** Existing entries with another setting. */
  notes: string[];
}

/**
 * Appends the missing entries of the functions to a project's config.toml, with their comments. Existing entries are not
 * changed.
 *
 * @throws when one of the texts is not valid TOML
 */
export function planSettings(own: string, ours: string): SettingsPlan {
  const present = functionsSchema.parse(parse(own)).functions;
  const wanted = functionsSchema.parse(parse(ours)).functions;
  const added = Object.keys(wanted).filter((name) => !(name in present));
  const notes = Object.entries(wanted).flatMap(([name, { verify_jwt = true }]) => {
    const here = present[name]?.verify_jwt ?? true;
    return name in present && here !== verify_jwt
      ? [`[functions.${name}] has verify_jwt = ${here}, but the function needs ${verify_jwt}`]
      : [];
  });
  const blocks = added.map((name) => blockOf(ours, name));
  const text = blocks.length === 0 ? own : `${own.trimEnd()}\n\n${blocks.join("\n\n")}\n`;
  return { text, added, notes };
}

/** The lines of a table, from its header to the next one. */
function blockOf(toml: string, name: string): string {
  const lines = toml.split(/\r?\n/);
  const start = lines.indexOf(`[functions.${name}]`);
  const next = lines.findIndex((line, index) => index > start && line.startsWith("["));
  return lines
    .slice(start, next === -1 ? undefined : next)
    .join("\n")
    .trimEnd();
}
