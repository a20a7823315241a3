#!/usr/bin/env node
/** `kubectl plumbline …`: kubectl finds this by its name. */
import process from 'node:process';
import { runCli } from './run.ts';

process.exitCode = await runCli(process.argv.slice(2), process.env, process.stdout, process.stderr);
