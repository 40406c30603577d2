import type { StrategyDocument } from "./documents.ts";
import type { JsonObject, ParametersSchema, ParameterValues } from "./json.ts";
import type {
  ApiKeyAction,
  ComponentType,
  CouponDuration,
  CreditKind,
  MarketType,
  SubscriptionProvider,
  SubscriptionStatus,
  Timeframe,
} from "./values.ts";

/** The columns whose values are narrower than their type in the database, by table. */
export interface NarrowColumns {
  api_key_events: { action: ApiKeyAction };
  coupons: { duration: CouponDuration };
  credit_transactions: { kind: CreditKind };
  custom_indicators: { type: ComponentType; parameters: ParametersSchema };
  indicators: { type: ComponentType; parameters: ParametersSchema; defaults: ParameterValues };
  strategies: { market_type: MarketType; timeframe: Timeframe; config: JsonObject };
  strategy_components: { component_type: ComponentType; parameters: ParameterValues };
  strategy_versions: { config: StrategyDocument };
  subscriptions: { provider: SubscriptionProvider; status: SubscriptionStatus };
  users: { preferences: JsonObject };
}
