package dev.bowline.cli;

import dev.bowline.tensor.NativeProcess;

/// The application's entry.
public final class Bowline {

    private Bowline() {}

    public static void main(String[] arguments) {
        // Before any class of libtorch's: it reads the environment once, when it loads.
        NativeProcess.tune();
        Console console = Console.ofProcess();
        Interruption.watch(console);
        int code = CommandTree.run(console, arguments);
        console.flush();
        Posix.exitNow(code);
    }
}
