package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.natives.NativeLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.util.Optional;

/// The failures of the JVM, the operating system and the installation that a user can act on.
final class SystemFailures {

    static final String MORE_MEMORY = "give it more with the environment variable BOWLINE_JAVA_OPTS=-Xmx4g";

    static final String BUILD_AGAIN = "remove the directory cli/target, and build Bowline again";

    static final String BUILD_AGAIN_OR_MORE_MEMORY =
            BUILD_AGAIN + "; or give Java more memory with BOWLINE_JAVA_OPTS=-Xmx4g";

    /// A process with a lower limit runs out of files while it opens the class path.
    private static final long FEW_FILES = 64;

    private SystemFailures() {}

    /// The problem and the fix; empty for a bug.
    static Optional<BowlineException> told(Throwable failure) {
        return switch (failure) {
            case OutOfMemoryError e ->
                known(
                        "Java does not have enough memory for this: " + e.getMessage(),
                        MORE_MEMORY + "; if a thread could not be made, raise the limit on processes, ulimit -u",
                        e);
            case StackOverflowError e ->
                known(
                        "the input is nested deeper than Java's stack allows",
                        "simplify the input, or give Java a larger stack with BOWLINE_JAVA_OPTS=-Xss64m",
                        e);
            case LinkageError e -> fewFiles(e).or(() -> ofLinking(e));
            case UncheckedIOException e ->
                fewFiles(e).or(() -> ofReading(Optional.ofNullable(e.getCause()).orElseGet(IOException::new)));
            case InvalidPathException e -> Optional.of(noPath(e));
            case IOException e -> fewFiles(e).or(() -> ofReading(e));
            default -> Optional.empty();
        };
    }

    static BowlineException noPath(InvalidPathException failure) {
        return new BowlineException(
                "'%s' is not a path on this system: %s".formatted(failure.getInput(), failure.getReason()),
                "check the path; names that are not ASCII need a locale with UTF-8, such as LC_ALL=C.UTF-8",
                failure);
    }

    private static Optional<BowlineException> ofReading(IOException failure) {
        return known(
                "a file could not be read or written: %s: %s"
                        .formatted(failure.getClass().getSimpleName(), failure.getMessage()),
                "check the path, its permissions and the free space on its disk",
                failure);
    }

    /// A static initializer that failed with anything but a library or a class is a bug.
    private static Optional<BowlineException> ofLinking(LinkageError failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnsatisfiedLinkError) {
                return Optional.of(NativeLibraries.libtorchFailure(failure));
            }
            if (cause.getCause() == null && !(cause instanceof ExceptionInInitializerError)) {
                return cause instanceof LinkageError || cause instanceof ClassNotFoundException
                        ? known(
                                "a class is missing, or from another build: %s: %s"
                                        .formatted(cause.getClass().getSimpleName(), cause.getMessage()),
                                BUILD_AGAIN,
                                failure)
                        : Optional.empty();
            }
        }
        return Optional.empty();
    }

    private static Optional<BowlineException> fewFiles(Throwable failure) {
        long limit = Posix.openFileLimit();
        return limit < FEW_FILES
                ? known(
                        "this process may open at most %d files: %s".formatted(limit, failure.getMessage()),
                        "raise the limit before starting Bowline, for example with 'ulimit -n 1024'",
                        failure)
                : Optional.empty();
    }

    private static Optional<BowlineException> known(String problem, String fix, Throwable cause) {
        return Optional.of(new BowlineException(problem, fix, cause));
    }
}
