// Generated from the schema by npm run gen:types. Never edited: the narrowing layer is beside it.

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  public: {
    Tables: {
      api_key_events: {
        Row: {
          action: string;
          created_at: string;
          id: number;
          provider: string;
          request_id: string | null;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          action: string;
          created_at?: string;
          id?: never;
          provider: string;
          request_id?: string | null;
          user_id: string;
        };
        Update: {
          action?: string;
          created_at?: string;
          id?: never;
          provider?: string;
          request_id?: string | null;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "api_key_events_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      api_keys: {
        Row: {
          created_at: string;
          id: string;
          key_encrypted: string;
          key_hint: string;
          last_used: string | null;
          provider: string;
          rejected_at: string | null;
          secret_version: number;
          updated_at: string;
          user_id: string;
          verified_at: string | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          id?: string;
          key_encrypted: string;
          key_hint: string;
          last_used?: string | null;
          provider: string;
          rejected_at?: string | null;
          secret_version: number;
          updated_at?: string;
          user_id: string;
          verified_at?: string | null;
        };
        Update: {
          created_at?: string;
          id?: string;
          key_encrypted?: string;
          key_hint?: string;
          last_used?: string | null;
          provider?: string;
          rejected_at?: string | null;
          secret_version?: number;
          updated_at?: string;
          user_id?: string;
          verified_at?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "api_keys_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      coupons: {
        Row: {
          code: string;
          created_at: string;
          current_uses: number;
          description: string | null;
          discount_percent: number;
          duration: string;
          expiration_date: string | null;
          id: string;
          is_active: boolean;
          max_uses: number | null;
          stripe_coupon_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          code: string;
          created_at?: string;
          current_uses?: number;
          description?: string | null;
          discount_percent: number;
          duration?: string;
          expiration_date?: string | null;
          id?: string;
          is_active?: boolean;
          max_uses?: number | null;
          stripe_coupon_id?: string | null;
        };
        Update: {
          code?: string;
          created_at?: string;
          current_uses?: number;
          description?: string | null;
          discount_percent?: number;
          duration?: string;
          expiration_date?: string | null;
          id?: string;
          is_active?: boolean;
          max_uses?: number | null;
          stripe_coupon_id?: string | null;
        };
        Relationships: [];
      };
      credit_packs: {
        Row: {
          credits: number;
          is_active: boolean;
          name: string;
          pack_type: string;
        };
        ComputedFields: never;
        Insert: {
          credits: number;
          is_active?: boolean;
          name: string;
          pack_type: string;
        };
        Update: {
          credits?: number;
          is_active?: boolean;
          name?: string;
          pack_type?: string;
        };
        Relationships: [];
      };
      credit_transactions: {
        Row: {
          balance_after: number;
          created_at: string;
          delta: number;
          id: number;
          idempotency_key: string | null;
          kind: string;
          reason: string | null;
          refund_of: number | null;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          balance_after: number;
          created_at?: string;
          delta: number;
          id?: never;
          idempotency_key?: string | null;
          kind: string;
          reason?: string | null;
          refund_of?: number | null;
          user_id: string;
        };
        Update: {
          balance_after?: number;
          created_at?: string;
          delta?: number;
          id?: never;
          idempotency_key?: string | null;
          kind?: string;
          reason?: string | null;
          refund_of?: number | null;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "credit_transactions_refund_of_fkey";
            columns: ["refund_of"];
            isOneToOne: true;
            referencedRelation: "credit_transactions";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "credit_transactions_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      custom_indicators: {
        Row: {
          category: string;
          created_at: string;
          description: string | null;
          id: string;
          is_public: boolean;
          name: string;
          parameters: NonNullable<Json>;
          pine_script: string;
          type: string;
          updated_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          category: string;
          created_at?: string;
          description?: string | null;
          id?: string;
          is_public?: boolean;
          name: string;
          parameters?: NonNullable<Json>;
          pine_script: string;
          type: string;
          updated_at?: string;
          user_id?: string;
        };
        Update: {
          category?: string;
          created_at?: string;
          description?: string | null;
          id?: string;
          is_public?: boolean;
          name?: string;
          parameters?: NonNullable<Json>;
          pine_script?: string;
          type?: string;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "custom_indicators_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      indicators: {
        Row: {
          accuracy_rating: number | null;
          category: string;
          created_at: string;
          created_by: string | null;
          defaults: NonNullable<Json>;
          description: string | null;
          id: string;
          is_custom: boolean;
          is_public: boolean;
          name: string;
          parameters: NonNullable<Json>;
          type: string;
        };
        ComputedFields: never;
        Insert: {
          accuracy_rating?: number | null;
          category: string;
          created_at?: string;
          created_by?: string | null;
          defaults?: NonNullable<Json>;
          description?: string | null;
          id?: string;
          is_custom?: boolean;
          is_public?: boolean;
          name: string;
          parameters?: NonNullable<Json>;
          type: string;
        };
        Update: {
          accuracy_rating?: number | null;
          category?: string;
          created_at?: string;
          created_by?: string | null;
          defaults?: NonNullable<Json>;
          description?: string | null;
          id?: string;
          is_custom?: boolean;
          is_public?: boolean;
          name?: string;
          parameters?: NonNullable<Json>;
          type?: string;
        };
        Relationships: [
          {
            foreignKeyName: "indicators_created_by_fkey";
            columns: ["created_by"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      plans: {
        Row: {
          is_active: boolean;
          is_premium: boolean;
          max_custom_indicators: number;
          max_strategies: number | null;
          max_versions: number;
          monthly_credits: number;
          name: string;
          plan_type: string;
          trial_days: number;
        };
        ComputedFields: never;
        Insert: {
          is_active?: boolean;
          is_premium?: boolean;
          max_custom_indicators?: number;
          max_strategies?: number | null;
          max_versions: number;
          monthly_credits?: number;
          name: string;
          plan_type: string;
          trial_days?: number;
        };
        Update: {
          is_active?: boolean;
          is_premium?: boolean;
          max_custom_indicators?: number;
          max_strategies?: number | null;
          max_versions?: number;
          monthly_credits?: number;
          name?: string;
          plan_type?: string;
          trial_days?: number;
        };
        Relationships: [];
      };
      prices: {
        Row: {
          created_at: string;
          currency: string;
          id: string;
          interval: string | null;
          interval_count: number;
          is_current: boolean;
          pack_type: string | null;
          plan_type: string | null;
          provider: string;
          provider_price_id: string;
          unit_amount: number;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          currency: string;
          id?: string;
          interval?: string | null;
          interval_count?: number;
          is_current?: boolean;
          pack_type?: string | null;
          plan_type?: string | null;
          provider: string;
          provider_price_id: string;
          unit_amount: number;
        };
        Update: {
          created_at?: string;
          currency?: string;
          id?: string;
          interval?: string | null;
          interval_count?: number;
          is_current?: boolean;
          pack_type?: string | null;
          plan_type?: string | null;
          provider?: string;
          provider_price_id?: string;
          unit_amount?: number;
        };
        Relationships: [
          {
            foreignKeyName: "prices_pack_type_fkey";
            columns: ["pack_type"];
            isOneToOne: false;
            referencedRelation: "credit_packs";
            referencedColumns: ["pack_type"];
          },
          {
            foreignKeyName: "prices_plan_type_fkey";
            columns: ["plan_type"];
            isOneToOne: false;
            referencedRelation: "plans";
            referencedColumns: ["plan_type"];
          },
        ];
      };
      strategies: {
        Row: {
          config: NonNullable<Json>;
          created_at: string;
          current_version: number;
          description: string | null;
          forked_from: string | null;
          id: string;
          is_ai_generated: boolean;
          is_public: boolean;
          market_type: string | null;
          name: string;
          timeframe: string | null;
          updated_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          config: NonNullable<Json>;
          created_at?: string;
          current_version?: number;
          description?: string | null;
          forked_from?: string | null;
          id?: string;
          is_ai_generated?: boolean;
          is_public?: boolean;
          market_type?: string | null;
          name: string;
          timeframe?: string | null;
          updated_at?: string;
          user_id?: string;
        };
        Update: {
          config?: NonNullable<Json>;
          created_at?: string;
          current_version?: number;
          description?: string | null;
          forked_from?: string | null;
          id?: string;
          is_ai_generated?: boolean;
          is_public?: boolean;
          market_type?: string | null;
          name?: string;
          timeframe?: string | null;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "strategies_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      strategy_components: {
        Row: {
          component_type: string;
          created_at: string;
          id: string;
          indicator_id: string | null;
          indicator_name: string | null;
          is_custom: boolean;
          parameters: NonNullable<Json>;
          position: number;
          strategy_id: string;
          updated_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          component_type: string;
          created_at?: string;
          id?: string;
          indicator_id?: string | null;
          indicator_name?: string | null;
          is_custom?: boolean;
          parameters?: NonNullable<Json>;
          position: number;
          strategy_id: string;
          updated_at?: string;
          user_id?: string;
        };
        Update: {
          component_type?: string;
          created_at?: string;
          id?: string;
          indicator_id?: string | null;
          indicator_name?: string | null;
          is_custom?: boolean;
          parameters?: NonNullable<Json>;
          position?: number;
          strategy_id?: string;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "strategy_components_owner_fkey";
            columns: ["user_id", "strategy_id"];
            isOneToOne: false;
            referencedRelation: "strategies";
            referencedColumns: ["user_id", "id"];
          },
        ];
      };
      strategy_versions: {
        Row: {
          config: NonNullable<Json>;
          created_at: string;
          id: string;
          notes: string | null;
          strategy_id: string;
          user_id: string;
          version_number: number;
        };
        ComputedFields: never;
        Insert: {
          config: NonNullable<Json>;
          created_at?: string;
          id?: string;
          notes?: string | null;
          strategy_id: string;
          user_id: string;
          version_number: number;
        };
        Update: {
          config?: NonNullable<Json>;
          created_at?: string;
          id?: string;
          notes?: string | null;
          strategy_id?: string;
          user_id?: string;
          version_number?: number;
        };
        Relationships: [
          {
            foreignKeyName: "strategy_versions_owner_fkey";
            columns: ["user_id", "strategy_id"];
            isOneToOne: false;
            referencedRelation: "strategies";
            referencedColumns: ["user_id", "id"];
          },
        ];
      };
      subscriptions: {
        Row: {
          cancel_at: string | null;
          created_at: string;
          current_period_end: string | null;
          current_period_start: string | null;
          ended_at: string | null;
          grace_until: string | null;
          id: string;
          livemode: boolean;
          next_grant_at: string | null;
          paid_through: string | null;
          plan_type: string;
          price_id: string | null;
          provider: string;
          provider_subscription_id: string | null;
          read_number: number;
          revoked_at: string | null;
          status: string;
          updated_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          cancel_at?: string | null;
          created_at?: string;
          current_period_end?: string | null;
          current_period_start?: string | null;
          ended_at?: string | null;
          grace_until?: string | null;
          id?: string;
          livemode?: boolean;
          next_grant_at?: string | null;
          paid_through?: string | null;
          plan_type: string;
          price_id?: string | null;
          provider: string;
          provider_subscription_id?: string | null;
          read_number?: number;
          revoked_at?: string | null;
          status: string;
          updated_at?: string;
          user_id: string;
        };
        Update: {
          cancel_at?: string | null;
          created_at?: string;
          current_period_end?: string | null;
          current_period_start?: string | null;
          ended_at?: string | null;
          grace_until?: string | null;
          id?: string;
          livemode?: boolean;
          next_grant_at?: string | null;
          paid_through?: string | null;
          plan_type?: string;
          price_id?: string | null;
          provider?: string;
          provider_subscription_id?: string | null;
          read_number?: number;
          revoked_at?: string | null;
          status?: string;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "subscriptions_plan_type_fkey";
            columns: ["plan_type"];
            isOneToOne: false;
            referencedRelation: "plans";
            referencedColumns: ["plan_type"];
          },
          {
            foreignKeyName: "subscriptions_price_id_fkey";
            columns: ["price_id"];
            isOneToOne: false;
            referencedRelation: "prices";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "subscriptions_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      user_coupons: {
        Row: {
          applied_at: string | null;
          checkout_session_id: string | null;
          coupon_id: string;
          id: string;
          used_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          applied_at?: string | null;
          checkout_session_id?: string | null;
          coupon_id: string;
          id?: string;
          used_at?: string;
          user_id: string;
        };
        Update: {
          applied_at?: string | null;
          checkout_session_id?: string | null;
          coupon_id?: string;
          id?: string;
          used_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "user_coupons_coupon_id_fkey";
            columns: ["coupon_id"];
            isOneToOne: false;
            referencedRelation: "coupons";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "user_coupons_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      users: {
        Row: {
          created_at: string;
          credits: number;
          email: string;
          full_name: string | null;
          id: string;
          is_premium: boolean;
          last_login: string | null;
          preferences: NonNullable<Json>;
          premium_until: string | null;
          public_name: string | null;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          credits?: number;
          email: string;
          full_name?: string | null;
          id: string;
          is_premium?: boolean;
          last_login?: string | null;
          preferences?: NonNullable<Json>;
          premium_until?: string | null;
          public_name?: string | null;
          updated_at?: string;
        };
        Update: {
          created_at?: string;
          credits?: number;
          email?: string;
          full_name?: string | null;
          id?: string;
          is_premium?: boolean;
          last_login?: string | null;
          preferences?: NonNullable<Json>;
          premium_until?: string | null;
          public_name?: string | null;
          updated_at?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      apply_read: {
        Args: { purchases?: Json; read_number: number; snapshots: Json };
        Returns: Json;
      };
      begin_api_key_check: {
        Args: { has_second_factor: boolean; provider: string; user_id: string };
        Returns: Json;
      };
      begin_checkout: {
        Args: {
          currency?: string;
          fingerprint: string;
          ignore_coupon?: boolean;
          pack_type?: string;
          plan_type?: string;
          provider: string;
          user_id: string;
        };
        Returns: Json;
      };
      begin_webhook_event: { Args: { event_id: string; provider: string }; Returns: Json };
      billing_attention: { Args: { cursor?: string; page_size?: number }; Returns: Json };
      billing_health: { Args: Record<PropertyKey, never>; Returns: Json };
      billing_of: { Args: { user_id: string }; Returns: Json };
      billing_overview: { Args: Record<PropertyKey, never>; Returns: Json };
      charge_credits: {
        Args: { amount: number; idempotency_key?: string; reason?: string; user_id: string };
        Returns: Json;
      };
      consume_credits: {
        Args: { amount: number; idempotency_key?: string; reason?: string };
        Returns: Json;
      };
      decrypt_api_key: { Args: { encrypted_key: string; secret: string }; Returns: string };
      delete_api_key: { Args: { provider: string }; Returns: Json };
      delete_user: { Args: { user_id: string }; Returns: Json };
      diagnose_account: { Args: { email: string }; Returns: Json };
      dismiss_billing_attention: {
        Args: { kind: string; provider: string; reference: string };
        Returns: Json;
      };
      drop_api_key_secret: { Args: { version: number }; Returns: Json };
      drop_checkout: { Args: { attempt: string }; Returns: undefined };
      encrypt_api_key: { Args: { key_text: string; secret: string }; Returns: string };
      end_checkout: {
        Args: { completed: boolean; session_id: string; user_id: string };
        Returns: undefined;
      };
      export_my_data: { Args: { cursor?: string; section?: string }; Returns: Json };
      export_user_data: {
        Args: { cursor?: string; section?: string; user_id: string };
        Returns: Json;
      };
      fail_webhook_event: {
        Args: {
          created: string;
          error: string;
          event_id: string;
          livemode: boolean;
          payload: Json;
          provider: string;
          type: string;
        };
        Returns: undefined;
      };
      finish_provider_task: { Args: { error?: string; id: number }; Returns: undefined };
      fork_strategy: { Args: { name?: string; strategy_id: string }; Returns: Json };
      get_decrypted_api_key: {
        Args: { provider: string; request_id?: string; user_id: string };
        Returns: Json;
      };
      get_my_account: { Args: Record<PropertyKey, never>; Returns: Json };
      get_strategy: { Args: { strategy_id: string }; Returns: Json };
      grant_credits: {
        Args: { amount: number; idempotency_key?: string; reason?: string; user_id: string };
        Returns: Json;
      };
      grant_premium: { Args: { plan_type: string; until: string; user_id: string }; Returns: Json };
      has_second_factor: { Args: { user_id: string }; Returns: boolean };
      link_billing_customer: {
        Args: { customer_id: string; provider: string; user_id: string };
        Returns: string;
      };
      list_llm_providers: { Args: Record<PropertyKey, never>; Returns: Json };
      list_public_strategies: {
        Args: {
          cursor?: string;
          market_type?: string;
          page_size?: number;
          search?: string;
          timeframe?: string;
        };
        Returns: Json;
      };
      mark_api_key: {
        Args: { accepted: boolean; provider: string; stored_at: string; user_id: string };
        Returns: Json;
      };
      next_read_number: { Args: Record<PropertyKey, never>; Returns: string };
      open_checkout: {
        Args: { attempt: string; expires_at: string; session_id: string; url: string };
        Returns: boolean;
      };
      open_llm_call: {
        Args: {
          has_operator_key: boolean;
          has_second_factor: boolean;
          provider: string;
          request_id: string;
          user_id: string;
        };
        Returns: Json;
      };
      open_provider_tasks: { Args: { page_size?: number }; Returns: Json };
      preview_coupon: { Args: { code: string; user_id: string }; Returns: Json };
      reconcile_targets: {
        Args: { after_id?: string; page_size?: number; provider: string; since: string };
        Returns: Json;
      };
      record_webhook_event: {
        Args: {
          created: string;
          effect: Json;
          event_id: string;
          livemode: boolean;
          payload: Json;
          provider: string;
          read_number: number;
          type: string;
        };
        Returns: Json;
      };
      redeem_coupon: { Args: { code: string; user_id: string }; Returns: Json };
      reencrypt_api_keys: { Args: { batch_size?: number }; Returns: Json };
      refund_credits: { Args: { idempotency_key: string; user_id: string }; Returns: Json };
      reinstate_subscription: { Args: { subscription_id: string }; Returns: Json };
      restore_strategy_version: {
        Args: { notes?: string; strategy_id: string; version_number: number };
        Returns: Json;
      };
      return_paypal_ask: { Args: Record<PropertyKey, never>; Returns: undefined };
      revoke_subscription: { Args: { reason: string; subscription_id: string }; Returns: Json };
      rotate_api_key_secret: { Args: Record<PropertyKey, never>; Returns: Json };
      save_strategy: {
        Args: {
          components?: Json;
          config?: Json;
          description?: string;
          expected_version?: number;
          is_ai_generated?: boolean;
          is_public?: boolean;
          market_type?: string;
          name?: string;
          notes?: string;
          strategy_id?: string;
          timeframe?: string;
        };
        Returns: Json;
      };
      search_indicators: {
        Args: {
          category?: string;
          page?: number;
          page_size?: number;
          search?: string;
          type?: string;
        };
        Returns: {
          accuracy_rating: number | null;
          category: string;
          created_at: string;
          created_by: string | null;
          defaults: NonNullable<Json>;
          description: string | null;
          id: string;
          is_custom: boolean;
          is_public: boolean;
          name: string;
          parameters: NonNullable<Json>;
          type: string;
        }[];
        SetofOptions: {
          from: "*";
          to: "indicators";
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      store_api_key: { Args: { api_key: string; provider: string }; Returns: Json };
      store_checked_api_key: {
        Args: {
          api_key: string;
          provider: string;
          request_id?: string;
          user_id: string;
          verified: boolean;
        };
        Returns: Json;
      };
      sweep: { Args: Record<PropertyKey, never>; Returns: Json };
      take_billing_call: { Args: { user_id: string }; Returns: Json };
      take_paypal_ask: { Args: Record<PropertyKey, never>; Returns: Json };
      unsettled_webhook_events: { Args: { event_id?: string; provider?: string }; Returns: Json };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R;
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R;
      }
      ? R
      : never
    : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I;
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I;
      }
      ? I
      : never
    : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U;
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U;
      }
      ? U
      : never
    : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never;

export const Constants = {
  public: {
    Enums: {},
  },
} as const;

/** The columns that a signed-in user may read (Row), insert and update, by table. */
export interface UserColumns {
  api_key_events: {
    Row: "action" | "created_at" | "id" | "provider" | "request_id" | "user_id";
    Insert: never;
    Update: never;
  };
  api_keys: {
    Row:
      | "created_at"
      | "id"
      | "key_hint"
      | "last_used"
      | "provider"
      | "rejected_at"
      | "secret_version"
      | "updated_at"
      | "user_id"
      | "verified_at";
    Insert: never;
    Update: never;
  };
  credit_packs: {
    Row: "credits" | "is_active" | "name" | "pack_type";
    Insert: never;
    Update: never;
  };
  credit_transactions: {
    Row:
      | "balance_after"
      | "created_at"
      | "delta"
      | "id"
      | "idempotency_key"
      | "kind"
      | "reason"
      | "refund_of"
      | "user_id";
    Insert: never;
    Update: never;
  };
  custom_indicators: {
    Row:
      | "category"
      | "created_at"
      | "description"
      | "id"
      | "is_public"
      | "name"
      | "parameters"
      | "pine_script"
      | "type"
      | "updated_at"
      | "user_id";
    Insert:
      | "category"
      | "description"
      | "is_public"
      | "name"
      | "parameters"
      | "pine_script"
      | "type"
      | "user_id";
    Update:
      | "category"
      | "description"
      | "is_public"
      | "name"
      | "parameters"
      | "pine_script"
      | "type";
  };
  indicators: {
    Row:
      | "accuracy_rating"
      | "category"
      | "created_at"
      | "created_by"
      | "defaults"
      | "description"
      | "id"
      | "is_custom"
      | "is_public"
      | "name"
      | "parameters"
      | "type";
    Insert: never;
    Update: never;
  };
  plans: {
    Row:
      | "is_active"
      | "is_premium"
      | "max_custom_indicators"
      | "max_strategies"
      | "max_versions"
      | "monthly_credits"
      | "name"
      | "plan_type"
      | "trial_days";
    Insert: never;
    Update: never;
  };
  prices: {
    Row:
      | "created_at"
      | "currency"
      | "id"
      | "interval"
      | "interval_count"
      | "is_current"
      | "pack_type"
      | "plan_type"
      | "provider"
      | "unit_amount";
    Insert: never;
    Update: never;
  };
  strategies: {
    Row:
      | "config"
      | "created_at"
      | "current_version"
      | "description"
      | "forked_from"
      | "id"
      | "is_ai_generated"
      | "is_public"
      | "market_type"
      | "name"
      | "timeframe"
      | "updated_at"
      | "user_id";
    Insert:
      | "config"
      | "description"
      | "is_ai_generated"
      | "is_public"
      | "market_type"
      | "name"
      | "timeframe"
      | "user_id";
    Update: "config" | "description" | "is_public" | "market_type" | "name" | "timeframe";
  };
  strategy_components: {
    Row:
      | "component_type"
      | "created_at"
      | "id"
      | "indicator_id"
      | "indicator_name"
      | "is_custom"
      | "parameters"
      | "position"
      | "strategy_id"
      | "updated_at"
      | "user_id";
    Insert:
      | "component_type"
      | "indicator_id"
      | "is_custom"
      | "parameters"
      | "position"
      | "strategy_id";
    Update: "component_type" | "indicator_id" | "is_custom" | "parameters" | "position";
  };
  strategy_versions: {
    Row: "config" | "created_at" | "id" | "notes" | "strategy_id" | "user_id" | "version_number";
    Insert: never;
    Update: never;
  };
  subscriptions: {
    Row:
      | "cancel_at"
      | "created_at"
      | "current_period_end"
      | "current_period_start"
      | "ended_at"
      | "grace_until"
      | "id"
      | "livemode"
      | "next_grant_at"
      | "paid_through"
      | "plan_type"
      | "price_id"
      | "provider"
      | "provider_subscription_id"
      | "read_number"
      | "revoked_at"
      | "status"
      | "updated_at"
      | "user_id";
    Insert: never;
    Update: never;
  };
  user_coupons: {
    Row: "applied_at" | "checkout_session_id" | "coupon_id" | "id" | "used_at" | "user_id";
    Insert: never;
    Update: never;
  };
  users: {
    Row:
      | "created_at"
      | "credits"
      | "email"
      | "full_name"
      | "id"
      | "is_premium"
      | "last_login"
      | "preferences"
      | "premium_until"
      | "public_name"
      | "updated_at";
    Insert: never;
    Update: "full_name" | "preferences" | "public_name";
  };
}

/** The functions that a signed-in user may call. */
export type UserFunctions =
  | "consume_credits"
  | "delete_api_key"
  | "export_my_data"
  | "fork_strategy"
  | "get_my_account"
  | "get_strategy"
  | "list_llm_providers"
  | "list_public_strategies"
  | "restore_strategy_version"
  | "save_strategy"
  | "search_indicators"
  | "store_api_key";

/** The values that the checks of the database allow, by table and column. */
export const columnValues = {
  api_key_events: {
    action: ["stored", "decrypted", "deleted", "reencrypted", "operator_key_used"],
  },
  coupons: { duration: ["once", "forever"] },
  credit_transactions: {
    kind: [
      "opening",
      "consume",
      "refund",
      "grant",
      "subscription",
      "purchase",
      "reversal",
      "import",
    ],
  },
  custom_indicators: { type: ["trend", "entry", "exit", "stop_loss"] },
  indicators: { type: ["trend", "entry", "exit", "stop_loss"] },
  prices: { interval: ["month", "year"], provider: ["stripe", "paypal"] },
  strategies: {
    market_type: ["futures", "stocks", "crypto", "forex"],
    timeframe: ["1m", "5m", "15m", "1h", "4h", "1d"],
  },
  strategy_components: { component_type: ["trend", "entry", "exit", "stop_loss"] },
  subscriptions: {
    provider: ["stripe", "paypal", "manual"],
    status: [
      "incomplete",
      "incomplete_expired",
      "trialing",
      "active",
      "past_due",
      "canceled",
      "unpaid",
      "paused",
    ],
  },
} as const;
