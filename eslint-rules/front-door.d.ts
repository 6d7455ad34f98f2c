import type { Rule } from 'eslint';

export declare const frontDoor: Rule.RuleModule;
