export function PublicStrategyPage({ id }: { id: string }) { return <p>{id}</p>; }
