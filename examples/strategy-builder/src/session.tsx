import type { Session } from "@supabase/supabase-js";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { supabase } from "./supabase.ts";

const SessionContext = createContext<Session | null>(null);

/** The signed-in user's session; null for a visitor. */
export const useSession = () => useContext(SessionContext);

/** The signed-in user's id, for pages that a visitor cannot open. */
export function useUserId(): string {
  const session = useSession();
  if (!session) throw new Error("This page needs a session.");
  return session.user.id;
}

/** Provides the session of supabase-js in React. At sign-out it clears all loaded data, so that the next user sees none. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session | null>();
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, next) => {
      setSession(next);
      // The link in the email signs the user in. They enter the new password on a separate page.
      if (event === "PASSWORD_RECOVERY") navigate("/new-password");
      if (event === "SIGNED_OUT") queryClient.clear();
    });
    return () => data.subscription.unsubscribe();
  }, [navigate, queryClient]);

  // Undefined until supabase-js has read the stored session.
  if (session === undefined) return null;
  return <SessionContext value={session}>{children}</SessionContext>;
}
