import "@mantine/core/styles.css";
import "@mantine/charts/styles.css";
import "@mantine/notifications/styles.css";
import "./app.css";
import { createTheme, MantineProvider, NumberInput } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { SessionProvider } from "./session.tsx";

const theme = createTheme({
  primaryColor: "teal",
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: "md",
  cursorType: "pointer",
  // A number out of bounds stays as it was typed, so that the sentence beside it says what is wrong.
  components: { NumberInput: NumberInput.extend({ defaultProps: { clampBehavior: "none" } }) },
});

// A refused request is refused again when it is repeated; only a lost connection is worth another try.
const queryClient: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry: false } },
  // Whatever was changed, or was to be changed, the page shows it as the backend has it now.
  mutationCache: new MutationCache({ onSettled: () => queryClient.invalidateQueries() }),
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <Notifications position="bottom-right" limit={2} />
        <QueryClientProvider client={queryClient}>
          <SessionProvider>
            <App />
          </SessionProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
