import { Button } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { useTitle } from "../components/page/useTitle";
import { Broken } from "../components/pictures/Broken";
import { Empty } from "../components/pictures/Empty";
import { WholePage } from "../components/pictures/WholePage";
import { asProblem } from "../http/problem";

/** A page that could not be shown. */
export function PageFault({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <WholePage>
      <Broken
        problem={asProblem(error)}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </WholePage>
  );
}

/** An address that is not one of ours. */
export function NothingHere() {
  const router = useRouter();
  useTitle("Nothing here");
  return (
    <WholePage>
      <Empty
        title="There is nothing at this address"
        action={<Button onClick={() => void router.navigate({ to: "/fleet" })}>To the fleet</Button>}
      />
    </WholePage>
  );
}
