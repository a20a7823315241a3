/** The dashboards, by the name of their files. */
import { fleet } from './fleet.ts';
import type { DashboardSpec } from './panels.ts';
import { source } from './source.ts';

export const dashboards: Readonly<Record<string, DashboardSpec>> = { fleet, source };
