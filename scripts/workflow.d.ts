// SPDX-License-Identifier: Apache-2.0
// Types of scripts/workflow.js for the tests.
// biome-ignore lint/suspicious/noExplicitAny: a workflow has the shape its page gives it
export const workflowOf: (root: string) => any;
export const shellSteps: (workflow: unknown) => { name: string; run: string }[];
