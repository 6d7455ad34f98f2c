import { createDengage } from './dengage/index.js';
import { createMailingCore } from './mailingcore/index.js';
import { createMainBrainer } from './mainbrainer/index.js';

/** Every platform there is a sandbox of, by name, which is also its path and its section of the faults: one line each. */
export const PLATFORMS = {
  mailingcore: createMailingCore,
  dengage: createDengage,
  mainbrainer: createMainBrainer,
} as const;

export type PlatformName = keyof typeof PLATFORMS;

/** What each platform can be asked from outside its API, and where it is. */
export type Platforms = {
  readonly [Name in PlatformName]: ReturnType<(typeof PLATFORMS)[Name]>['control'] & {
    readonly baseUrl: string;
    /** What a configuration says beside `type` and `baseUrl` to use it. */
    readonly settings: Readonly<Record<string, string>>;
  };
};

/** The faults of each platform. */
export type FaultsByPlatform = { readonly [Name in PlatformName]?: NonNullable<Parameters<(typeof PLATFORMS)[Name]>[0]> };
