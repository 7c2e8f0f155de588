/** Routes on their way out: from what is asked for to the messages of one session. */
export type { SessionEnds } from './next-hop.js';
export { resolveRoutes, type WantedRoute } from './resolve-routes.js';
export { RibOut } from './rib-out.js';
export type { RoutePolicy } from './route-policy.js';
export {
  type ResolvedRoute,
  type RoutePath,
  routesOnSession,
  type SessionRoutes,
  type UnannouncedRoute,
} from './session-routes.js';
