import { Argument } from 'commander';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import { completionScript, SHELLS } from '../completion/index.js';
import { EXIT } from '../exit.js';

/** `completion`: what a shell needs to complete commands and options. */
export const register: Register = (program, act) => {
  program
    .command('completion')
    .description('print a script with which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .addHelpText('after', `${examples('completion bash > ~/.local/share/bash-completion/completions/syncline', 'completion zsh > ~/.zfunc/_syncline', 'completion fish > ~/.config/fish/completions/syncline.fish')}

For this terminal alone: source <(syncline completion bash), the same with zsh, or: syncline completion fish | source`)
    .action(act(({ output }, shell: string) => {
      const script = completionScript(program, shell);
      output.printJson({ shell, script });
      output.print(script);
      return EXIT.done;
    }));
};
