package dev.bowline.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.ParentCommand;

/// The base of a command of the group `adapter`.
abstract class GroupedCommand implements Callable<Integer> {

    @ParentCommand
    private AdapterCommand group = new AdapterCommand();

    final Console console() {
        return group.console();
    }
}
