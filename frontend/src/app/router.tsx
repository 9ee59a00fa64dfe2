import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { fleetSearch } from "../features/fleet/search";
import { queuesSearch } from "../features/queues/search";
import { sessionQuery } from "../features/session/api/session";
import { codeIn } from "../features/session/loginCode";
import { ProblemError } from "../http/problem";
import { Console } from "./Console";
import { NothingHere, PageFault } from "./Faults";
import { agentSearch, commandSearch, loginSearch, newConversationSearch } from "./searches";

interface Context {
  queries: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NothingHere });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: loginSearch,
  beforeLoad: async ({ context, location, cause }) => {
    // Whoever is in already needs no way in, unless they come with a code; taking it out of the address is no arrival.
    if (cause !== "enter" || codeIn(location.hash)) return;
    const session = await context.queries.fetchQuery(sessionQuery).catch(() => null);
    if (session) throw redirect({ to: "/fleet" });
  },
  component: lazyRouteComponent(() => import("./routes/LoginRoute"), "LoginRoute"),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: "console",
  beforeLoad: async ({ context }) => {
    try {
      await context.queries.ensureQueryData(sessionQuery);
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 401) throw redirect({ to: "/login" });
      throw error;
    }
  },
  component: Console,
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/fleet" });
  },
});

const fleet = createRoute({
  getParentRoute: () => inside,
  path: "/fleet",
  validateSearch: fleetSearch,
  component: lazyRouteComponent(() => import("./routes/FleetPage"), "FleetPage"),
});

const agent = createRoute({
  getParentRoute: () => inside,
  path: "/agents/$agentId",
  validateSearch: agentSearch,
  component: lazyRouteComponent(() => import("./routes/AgentPage"), "AgentPage"),
});

const command = createRoute({
  getParentRoute: () => inside,
  path: "/commands/$commandId",
  validateSearch: commandSearch,
  component: lazyRouteComponent(() => import("./routes/CommandPage"), "CommandPage"),
});

const conversations = createRoute({
  getParentRoute: () => inside,
  path: "/conversations",
  component: lazyRouteComponent(() => import("./routes/ConversationsPage"), "ConversationsPage"),
});

const newConversation = createRoute({
  getParentRoute: () => inside,
  path: "/conversations/new",
  validateSearch: newConversationSearch,
  component: lazyRouteComponent(() => import("./routes/NewConversationPage"), "NewConversationPage"),
});

const conversation = createRoute({
  getParentRoute: () => inside,
  path: "/conversations/$conversationId",
  component: lazyRouteComponent(() => import("./routes/ConversationPage"), "ConversationPage"),
});

const queues = createRoute({
  getParentRoute: () => inside,
  path: "/queues",
  validateSearch: queuesSearch,
  component: lazyRouteComponent(() => import("./routes/QueuesPage"), "QueuesPage"),
});

const routeTree = root.addChildren([
  home,
  login,
  inside.addChildren([fleet, agent, command, conversations, newConversation, conversation, queues]),
]);

export function newRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    defaultPreload: "intent",
    defaultErrorComponent: PageFault,
    defaultNotFoundComponent: NothingHere,
    scrollRestoration: false,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
