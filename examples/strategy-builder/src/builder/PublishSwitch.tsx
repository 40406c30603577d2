import { Switch } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { StrategyDocument } from "pinebase";
import { useSaveStrategy } from "../backend.ts";
import { ErrorSentence } from "../parts.tsx";

/** Publishes a strategy in the gallery, or takes it out. */
export function PublishSwitch({ strategy }: { strategy: StrategyDocument }) {
  const save = useSaveStrategy();
  const set = (is_public: boolean) =>
    save.mutate(
      { strategy_id: strategy.strategy_id, is_public },
      {
        onSuccess: () =>
          notifications.show({
            message: is_public
              ? "Everybody can see it in the gallery."
              : "Nobody else sees it any more.",
          }),
      },
    );
  return (
    <>
      <Switch
        label="Published"
        checked={strategy.is_public}
        disabled={save.isPending}
        onChange={(event) => set(event.currentTarget.checked)}
      />
      <ErrorSentence error={save.error} />
    </>
  );
}
