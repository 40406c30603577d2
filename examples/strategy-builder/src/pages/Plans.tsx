import { Alert, Badge, Button, SegmentedControl, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "wouter";
import {
  buy,
  type Offer,
  openPortal,
  type Price,
  redeemCoupon,
  syncSubscription,
  useAccount,
  useOffers,
} from "../backend.ts";
import { BackendForm, useBackendForm } from "../forms.tsx";
import { ErrorSentence, Loaded, Moment, PageHead, Section } from "../parts.tsx";
import { useSession } from "../session.tsx";

/** The plans and packs on sale, and the user's plan. */
export function PlansPage() {
  const session = useSession();
  return (
    <>
      <PageHead title="Plans" />
      <Stack gap="xl">
        {session && <CheckoutResult />}
        {session && <CurrentPlan />}
        <Offers />
        {session && <RedeemCoupon />}
      </Stack>
    </>
  );
}

/**
 * The result of a checkout, which sends the buyer back to this page. The webhook may arrive later, so the backend is
 * asked to read the payment now.
 */
function CheckoutResult() {
  const [parameters] = useSearchParams();
  const outcome = parameters.get("checkout");
  const { mutate: sync, error, isSuccess } = useMutation({ mutationFn: syncSubscription });
  useEffect(() => {
    if (outcome === "done") sync();
  }, [outcome, sync]);

  if (outcome === "abandoned") return <Alert color="gray">Nothing was bought.</Alert>;
  if (outcome !== "done") return null;
  if (error) return <ErrorSentence error={error} />;
  return <Alert role="status">{isSuccess ? "Thank you. The payment has arrived." : "Looking for the payment …"}</Alert>;
}

function CurrentPlan() {
  const account = useAccount();
  const portal = useMutation({ mutationFn: openPortal });
  return (
    <Loaded query={account}>
      {({ plan, subscription, premium_until, is_premium }) => (
        <Section title="Your plan">
          <Text fw={700} fz="lg">
            {plan.name}
          </Text>
          {is_premium && premium_until && (
            <Text size="sm">
              Premium until <Moment at={premium_until} />
            </Text>
          )}
          {subscription?.cancel_at && (
            <Text size="sm">
              It ends on <Moment at={subscription.cancel_at} />
            </Text>
          )}
          {subscription && (
            <Button variant="default" loading={portal.isPending} onClick={() => portal.mutate()}>
              Manage the subscription
            </Button>
          )}
          <ErrorSentence error={portal.error} />
        </Section>
      )}
    </Loaded>
  );
}

function Offers() {
  const offers = useOffers();
  const [chosen, setCurrency] = useState<string | null>(null);
  return (
    <Loaded query={offers}>
      {(all) => {
        const currencies = [...new Set(all.flatMap(({ prices }) => prices.map(({ currency }) => currency)))].sort();
        const currency = chosen ?? currencies[0] ?? "usd";
        return (
          <Stack gap="xl">
            {currencies.length > 1 && (
              <SegmentedControl
                aria-label="Currency"
                data={currencies.map((value) => ({ value, label: value.toUpperCase() }))}
                value={currency}
                onChange={setCurrency}
                style={{ alignSelf: "start" }}
              />
            )}
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              {all.map((offer) => (
                <OfferCard key={offer.type} offer={offer} currency={currency} />
              ))}
            </SimpleGrid>
          </Stack>
        );
      }}
    </Loaded>
  );
}

function OfferCard({ offer, currency }: { offer: Offer; currency: string }) {
  const session = useSession();
  const account = useAccount();
  const checkout = useMutation({ mutationFn: (price: Price) => buy(offer, price) });
  const currencyHere = offer.prices.some((price) => price.currency === currency) ? currency : offer.prices[0]?.currency;
  const prices = offer.prices.filter((price) => price.currency === currencyHere);
  const isCurrent = offer.sells === "plan" && account.data?.plan.plan_type === offer.type;

  return (
    <Section title={offer.name}>
      {isCurrent && <Badge>Your plan</Badge>}
      <Text size="sm" flex={1} style={{ whiteSpace: "pre-line" }}>
        {offer.contents.join("\n")}
      </Text>
      {prices.length === 0 && <Text c="dimmed">{offer.type === "free" ? "Free" : "Not on sale here"}</Text>}
      {prices.map((price) => (
        <Stack key={price.provider} gap="xs">
          <Text fw={700} fz="lg">
            {money(price.unit_amount, price.currency)}
            {price.interval && ` a ${price.interval}`}
          </Text>
          {session ? (
            <Button disabled={isCurrent} loading={checkout.isPending} onClick={() => checkout.mutate(price)}>
              {price.provider === "paypal" ? `Pay for ${offer.name} with PayPal` : `Buy ${offer.name}`}
            </Button>
          ) : (
            <Button component={Link} href="/sign-up">
              Sign up to buy
            </Button>
          )}
        </Stack>
      ))}
      <ErrorSentence error={checkout.error} />
    </Section>
  );
}

function RedeemCoupon() {
  const redeeming = useBackendForm({
    initialValues: { code: "" },
    submit: ({ code }) => redeemCoupon(code),
    onSuccess: ({ coupon }, form) => {
      notifications.show({ message: `${coupon.code}: ${coupon.discount_percent} % off your next checkout.` });
      form.reset();
    },
    mainField: "code",
  });
  return (
    <Section title="Redeem a code">
      <BackendForm of={redeeming} action="Redeem">
        <TextInput
          label="Coupon"
          description="Its discount is taken off your next checkout."
          {...redeeming.form.getInputProps("code")}
        />
      </BackendForm>
    </Section>
  );
}

/** An amount in the smallest unit of its currency: 900 is 9.00 dollars and 900 yen. */
function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
