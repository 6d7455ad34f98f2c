import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** A phone as MainBrainer's two integers. */
export interface Mobile {
  readonly countryCode: number;
  readonly number: number;
}

/** `zero`: an integer would lose the zero its national part begins with. `none`: no country begins like this. */
export type Split = Mobile | 'zero' | 'none';

/**
 * Splits an E.164 number into country code and national part (pure). Digits are only cut apart, never changed, so
 * that both together are the number again; fifteen of them are exact as integers.
 */
export function splitPhone(e164: string): Split {
  // The commonest code needs no look-up: nothing else begins with 1.
  const code = e164.startsWith('+1') ? '1' : parsePhoneNumberFromString(e164)?.countryCallingCode;
  const national = code === undefined ? '' : e164.slice(1 + code.length);
  if (code === undefined || !/^\d{1,14}$/.test(national)) return 'none';
  return national.startsWith('0') ? 'zero' : { countryCode: Number(code), number: Number(national) };
}
