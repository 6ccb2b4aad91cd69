//! `--help` in the language of the catalogs.

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::arguments::Arguments;
use super::language::Messages;

/// The command line with every text from the catalog.
#[must_use]
pub(super) fn command(messages: &Messages) -> Command {
    let top = Arguments::command().disable_help_flag(true).disable_version_flag(true);
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true);
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    in_words(top.arg(help).arg(version), "sealdock", messages)
}

/// Gives a command, its arguments and its subcommands their texts. `name` is its path joined by `-`.
fn in_words(command: Command, name: &str, messages: &Messages) -> Command {
    let template =
        format!("{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}", messages.say("heading-usage"));
    command
        .about(messages.say(&format!("help-{name}")))
        .help_template(template)
        .subcommand_help_heading(messages.say("heading-commands"))
        .mut_args(|arg| argument_in_words(arg, name, messages))
        .mut_subcommands(|sub| {
            let name = format!("{name}-{}", sub.get_name());
            in_words(sub, &name, messages)
        })
}

fn argument_in_words(arg: Arg, command: &str, messages: &Messages) -> Arg {
    let heading = if arg.is_positional() { "heading-arguments" } else { "heading-options" };
    let id = format!("help-{command}.{}", arg.get_id().as_str().replace('_', "-"));
    arg.help(messages.say(&id)).help_heading(messages.say(heading))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::language::Language;

    #[test]
    fn the_command_line_is_sound() {
        for language in [Language::En, Language::Zh] {
            command(&Messages::of(language)).debug_assert();
        }
    }

    #[test]
    fn global_options_stand_before_or_after() {
        let english = Messages::of(Language::En);
        for line in ["sealdock --home /h --json status", "sealdock status --json --home /h"] {
            let matches = command(&english).try_get_matches_from(line.split(' ')).expect("understood");
            let arguments =
                <Arguments as clap::FromArgMatches>::from_arg_matches(&matches).expect("understood");
            assert_eq!(arguments.home.as_deref(), Some(std::path::Path::new("/h")));
            assert!(arguments.json);
        }
    }
}
