package dev.bowline.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.ParentCommand;

/// The base of every command, with the console that it reads and prints to.
abstract class Command implements Callable<Integer> {

    @ParentCommand
    private CommandTree.Root root = new CommandTree.Root();

    final Console console() {
        return root.console();
    }
}
