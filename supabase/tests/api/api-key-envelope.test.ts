import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { asOperator, service, signUp } from "../support/clients.ts";
import { call } from "../support/documents.ts";
import { openEnvelope, sealEnvelope, storedContext } from "../support/envelope.ts";
import { envelopeVectors } from "../support/envelope-vectors.ts";

/** Stored keys have the documented format: an independent implementation reads and writes it. */

const secret = "a secret of more than 16 bytes";

describe("the envelope", () => {
  it.each(envelopeVectors)(
    "$envelope is what both implementations make of its parts",
    async (vector) => {
      const { plaintext, context, envelope } = vector;
      const iv = Uint8Array.from(Buffer.from(vector.iv, "hex"));
      expect(await sealEnvelope(plaintext, vector.secret, context, iv)).toBe(envelope);
      expect(await openEnvelope(envelope, vector.secret, context)).toBe(plaintext);
    },
  );

  it("is tested with the same vectors in the database", async () => {
    const file = new URL("../database/api_keys/envelope.test.sql", import.meta.url);
    const sql = await readFile(fileURLToPath(file), "utf8");
    for (const { envelope } of envelopeVectors) expect(sql).toContain(`'${envelope}'`);
  });

  it("can be opened by the other implementation when the database has sealed it", async () => {
    for (const plaintext of ["sk-12345678", "", "x".repeat(1000), "ключ"]) {
      const { data } = await call<unknown>(service(), "encrypt_api_key", {
        key_text: plaintext,
        secret,
      });
      expect(await openEnvelope(String(data), secret)).toBe(plaintext);
    }
  });

  it("can be opened by the database when the other implementation has sealed it", async () => {
    for (const plaintext of ["sk-12345678", "", "x".repeat(1000), "ключ"]) {
      const iv = Uint8Array.from(randomBytes(16));
      const encrypted = await sealEnvelope(plaintext, secret, "", iv);
      const args = { encrypted_key: encrypted, secret };
      expect((await call<unknown>(service(), "decrypt_api_key", args)).data).toBe(plaintext);
    }
  });

  it("of a stored key opens with the secret in Vault for its own user, provider and version alone", async () => {
    const { id, client } = await signUp("envelope");
    await call<unknown>(client, "store_api_key", {
      provider: "openai",
      api_key: "sk-of-the-envelope",
    });
    const [row] = await asOperator(
      (sql) => sql<{ envelope: string; version: number; secret: string }[]>`
        select k.key_encrypted as envelope, k.secret_version as version, s.decrypted_secret as secret
        from public.api_keys as k
        join vault.decrypted_secrets as s on s.name = 'api_key_secret_v' || k.secret_version
        where k.user_id = ${id}
      `,
    );
    if (!row) throw new Error("The key was not stored.");
    const open = (context: string) => openEnvelope(row.envelope, row.secret, context);
    expect(await open(storedContext(id, "openai", row.version))).toBe("sk-of-the-envelope");
    for (const context of [
      "",
      storedContext(id, "openai", row.version + 1),
      storedContext(id, "other", row.version),
    ]) {
      await expect(open(context)).rejects.toThrow("does not open");
    }
  });

  it("that was changed gives the same error whatever was changed", async () => {
    const { data } = await call<unknown>(service(), "encrypt_api_key", {
      key_text: "sk-12345678",
      secret,
    });
    const envelope = String(data);
    const noise = randomBytes(750_000).toString("base64url");
    const answers = await Promise.all(
      [envelope.slice(0, -4), `${envelope}AAAA`, "", "v2.", "v2.!", noise, `v2.${noise}`].map(
        (encrypted) =>
          call<unknown>(service(), "decrypt_api_key", { encrypted_key: encrypted, secret }),
      ),
    );
    expect(new Set(answers.map(({ error }) => JSON.stringify(error))).size).toBe(1);
    expect(answers[0]).toMatchObject({
      status: 500,
      data: null,
      error: { code: "PT500", details: "decryption_failed" },
    });
  });
});
