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
  // A number out of bounds is not corrected while typing, so that the message beside it can explain the error.
  components: { NumberInput: NumberInput.extend({ defaultProps: { clampBehavior: "none" } }) },
});

// Queries are not retried, because a request that the backend refuses fails again.
const queryClient: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry: false } },
  // After every change, also a failed one, the page loads the present state from the backend.
  mutationCache: new MutationCache({ onSettled: () => queryClient.invalidateQueries() }),
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        {/* At the top, because a message at the bottom covers the Save button, and stays while the pointer rests on it. */}
        <Notifications position="top-center" limit={2} />
        <QueryClientProvider client={queryClient}>
          <SessionProvider>
            <App />
          </SessionProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
