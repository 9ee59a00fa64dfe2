import { Button, type ButtonProps } from "@mantine/core";
import { createLink, type LinkComponent } from "@tanstack/react-router";
import type { Ref } from "react";

interface Props extends Omit<ButtonProps, "href"> {
  ref?: Ref<HTMLAnchorElement>;
}

/** A link that looks like a button. */
export const LinkButton: LinkComponent<(props: Props) => React.JSX.Element> = createLink((props: Props) => (
  <Button component="a" {...props} />
));
