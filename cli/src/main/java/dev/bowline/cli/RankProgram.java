package dev.bowline.cli;

import dev.bowline.distributed.Rendezvous;
import dev.bowline.platform.NativeProcess;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// The command line as one rank of a run, for a launcher on the JVM such as the module for Spark.
///
/// A rank is a process of its own with the settings of `docs/process-settings.md`, which the launcher's process does
/// not have. The kernel ends the rank when the thread that started it ends.
///
/// @param place of the rank
/// @param localWorldSize number of ranks on this machine
/// @param errorFile for the message of a rank that fails
public record RankProgram(Rendezvous place, int localWorldSize, Path errorFile) {

    private static final String JAVA_OPTIONS = "BOWLINE_JAVA_OPTS";
    private static final List<String> LOCALE = List.of("LC_ALL", "LC_CTYPE", "LANG");

    /// The process of the rank, to start with its output where the launcher wants it.
    ///
    /// @param classPath jars and directories with the command line, its libraries and natives
    /// @param arguments of the command line, such as `finetune`, the recipe and `--json`
    public ProcessBuilder process(List<String> classPath, List<String> arguments) {
        ProcessBuilder process = new ProcessBuilder(words(System.getenv(), arguments));
        process.redirectInput(new File("/dev/null"));
        Map<String, String> environment = process.environment();
        NativeProcess.tuneStart(environment);
        // Java decodes arguments and file names by the locale, and containers often have none but C.
        if (LOCALE.stream()
                .map(name -> environment.getOrDefault(name, ""))
                .allMatch(locale -> List.of("", "C", "POSIX").contains(locale))) {
            environment.put("LC_ALL", "C.UTF-8");
        }
        environment.put("CLASSPATH", String.join(File.pathSeparator, classPath));
        environment.putAll(place.environment());
        environment.put(LaunchOptions.LOCAL_WORLD_SIZE, Integer.toString(localWorldSize));
        environment.put(
                Supervisor.PROCESS_VARIABLE,
                Long.toString(ProcessHandle.current().pid()));
        environment.put(ErrorFile.VARIABLE, errorFile.toString());
        return process;
    }

    private static List<String> words(Map<String, String> environment, List<String> arguments) {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        List<String> own = Stream.of(environment.getOrDefault(JAVA_OPTIONS, "").split("\\s+"))
                .filter(option -> !option.isEmpty())
                .toList();
        boolean hasCollector = own.stream().anyMatch(option -> option.matches("-XX:\\+Use\\w*GC"));
        NativeProcess.javaOptions().stream()
                .filter(option -> !(hasCollector && option.endsWith("GC")))
                .forEach(words::add);
        words.addAll(List.of("-XX:-UsePerfData", "-Xmx2g", "-Dfile.encoding=UTF-8", "-Dbowline.launcher=bowline"));
        words.addAll(own);
        words.add(Bowline.class.getName());
        words.addAll(arguments);
        return words;
    }

    /// The failure that the rank wrote.
    ///
    /// @param log file with the output of the rank
    /// @param exitCode of the process
    public Failure failure(Path log, int exitCode) {
        return ErrorFile.told(errorFile)
                .map(told -> new Failure(told.problem(), told.fix()))
                .orElseGet(() -> new Failure(
                        ErrorFile.message(errorFile).orElseGet(() -> Supervisor.how(exitCode)),
                        "read the output of the rank in " + log));
    }

    /// The failure of a rank.
    public record Failure(String problem, String fix) {}

    /// A kind of end of a rank.
    public enum End {
        FINISHED,
        /// A signal stopped the run, which saved.
        STOPPED,
        /// Another start would end in the same way: wrong input, or a bug.
        REFUSED,
        /// Another start may succeed: another rank failed, or the process crashed or was killed.
        FAILED;

        /// @param exitCode of the process; 128 and the number of the signal that ended it
        public static End of(int exitCode) {
            if (exitCode == ExitCode.SUCCESS) {
                return FINISHED;
            }
            if (Interruption.Cause.ofExitCode(exitCode).isPresent()) {
                return STOPPED;
            }
            return exitCode == ExitCode.RANK_FAILURE || exitCode >= 128 ? FAILED : REFUSED;
        }
    }

    /// True if the exit code says that the rank lost another one.
    public static boolean lostAnother(int exitCode) {
        return exitCode == ExitCode.RANK_FAILURE;
    }
}
