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
        // exit() would run libtorch's static destructors under threads that may still be alive.
        Runtime.getRuntime().halt(code);
    }
}
