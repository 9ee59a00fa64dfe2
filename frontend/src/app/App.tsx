import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useState } from "react";
import { newQueryClient } from "../http/queryClient";
import { theme } from "../theme/theme";
import { cssVariables } from "../theme/variables";
import { newRouter } from "./router";

/** The console. */
export function App() {
  const [queries] = useState(newQueryClient);
  const [router] = useState(() => newRouter(queries));
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
