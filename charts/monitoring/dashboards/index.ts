/** The dashboards, by the name of their files. */
import { delivery } from './delivery.ts';
import { fleet } from './fleet.ts';
import type { DashboardSpec } from './panels.ts';
import { source } from './source.ts';

export const dashboards: Readonly<Record<string, DashboardSpec>> = { delivery, fleet, source };
