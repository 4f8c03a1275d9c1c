package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The launcher makes its start-up file once for each build, Java and place, and does without where it cannot.
///
/// Java is a script here that notes what it is called with, and makes the file that it is told to make.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher of Windows makes no start-up file")
class LauncherTest {

    private static final Path SOURCES = Path.of("..").toAbsolutePath().normalize();
    private static final String TRAINING = "dev.bowline.cli.StartupTraining";

    @TempDir
    private Path temporary;

    private Path project;
    private Path start;
    private Path jar;

    @BeforeEach
    void aProjectThatIsBuilt() throws IOException {
        project = Files.createDirectories(temporary.toRealPath().resolve("project"));
        Files.createDirectories(project.resolve(".mvn"));
        Files.copy(SOURCES.resolve("bowline"), project.resolve("bowline"));
        for (String file : List.of(
                ".mvn/jdk.sh",
                ".mvn/platform.sh",
                ".mvn/settings.sh",
                "library/src/main/resources/dev/bowline/platform/process.properties")) {
            Files.createDirectories(project.resolve(file).getParent());
            Files.copy(SOURCES.resolve(file), project.resolve(file));
        }
        try (Stream<Path> sources = Files.walk(project.resolve("library"))) {
            for (Path each : sources.toList()) {
                age(each);
            }
        }
        Path target = Files.createDirectories(project.resolve("cli/target/lib")).resolveSibling("");
        start = target.resolve("bowline.start");
        jar = target.resolve("bowline-cli-1.jar");
        for (Path file : List.of(jar, target.resolve("lib/bowline-1.jar"), target.resolve("bowline.built"))) {
            Files.writeString(file, "");
            age(file);
        }
        age(target.resolve("lib"));
    }

    /// Older than whatever the launcher makes.
    private static void age(Path file) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(3600)));
    }

    /// @param training what the script does when it is to make a start-up file
    private Path jdk(String name, String training) throws IOException {
        Path jdk = temporary.toRealPath().resolve(name);
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        age(jdk.resolve("release"));
        String java = """
                #!/bin/sh
                echo "LC_ALL=${LC_ALL:-} $*" >>"$LOG"
                for each in "$@"; do
                    case $each in
                        -XX:AOTCacheOutput=*) file=${each#*=}; %s ;;
                        -Xmx1k) echo "Error occurred during initialization of VM"; echo "Too small"; exit 1 ;;
                    esac
                done
                """.formatted(training);
        for (Map.Entry<String, String> program :
                Map.of("java", java, "javac", "#!/bin/sh\n").entrySet()) {
            Path file = Files.writeString(jdk.resolve("bin").resolve(program.getKey()), program.getValue());
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return jdk;
    }

    private Path jdk() throws IOException {
        return jdk("jdk", "echo cache >\"$file\"");
    }

    /// @return the lines with which Java was called
    private List<String> launched(Path jdk, Map<String, String> environment) throws IOException {
        Launch launch = launch(jdk, "version", environment);
        assertEquals(new Launch(0, "", launch.calls()), launch);
        return launch.calls();
    }

    /// @param calls the lines with which Java was called
    private record Launch(int exitCode, String printed, List<String> calls) {}

    private Launch launch(Path jdk, String command, Map<String, String> environment) throws IOException {
        Path log = temporary.resolve("log");
        Files.writeString(log, "");
        ProcessBuilder builder =
                new ProcessBuilder("sh", project.resolve("bowline").toString(), command).redirectErrorStream(true);
        builder.environment()
                .keySet()
                .removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "LC_ALL", "LC_CTYPE", "LANG"));
        builder.environment().putAll(Map.of("JAVA_HOME", jdk.toString(), "LOG", log.toString()));
        builder.environment().putAll(environment);
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            return new Launch(process.waitFor(), printed, Files.readAllLines(log));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<String> launched(Path jdk) throws IOException {
        return launched(jdk, Map.of());
    }

    private void requireTrained(List<String> calls) {
        assertEquals(2, calls.size(), calls::toString);
        assertTrue(calls.getFirst().contains(TRAINING), calls::toString);
        requireUsed(calls.getLast());
    }

    private void requireUsed(String call) {
        assertTrue(call.contains("-XX:AOTCache=%s ".formatted(start)), call);
        assertTrue(call.endsWith("dev.bowline.cli.Bowline version"), call);
    }

    private static void requireWithout(List<String> calls) {
        assertFalse(calls.getLast().contains("-XX:AOTCache="), calls::toString);
        assertTrue(calls.getLast().endsWith("dev.bowline.cli.Bowline version"), calls::toString);
    }

    @Test
    void itIsMadeOnceAndThenUsed() throws IOException {
        requireTrained(launched(jdk()));

        List<String> calls = launched(jdk());

        assertEquals(1, calls.size(), calls::toString);
        requireUsed(calls.getFirst());
        try (var files = Files.list(start.resolveSibling(""))) {
            assertEquals(
                    List.of("bowline-cli-1.jar", "bowline.built", "bowline.start", "bowline.start.for", "lib"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void anotherJavaAndAnotherPlaceMakeAnother() throws IOException {
        requireTrained(launched(jdk("other", "echo cache >\"$file\"")));
        requireTrained(launched(jdk()));

        Path moved = project.resolveSibling("moved");
        Files.move(project, moved);
        project = moved;
        start = moved.resolve("cli/target/bowline.start");

        requireTrained(launched(jdk()));
    }

    @Test
    void aNewerJarIsNotRunWithTheOldFile() throws IOException {
        requireTrained(launched(jdk()));
        Files.setLastModifiedTime(jar, FileTime.from(Instant.now().plusSeconds(3600)));

        requireWithout(launched(jdk(), Map.of("BOWLINE_BUILD", "never")));

        assertTrue(launched(jdk()).getFirst().contains(TRAINING));
    }

    @Test
    void whereItCannotBeMadeBowlineRunsWithoutAndDoesNotTryAgain() throws IOException {
        Path failing = jdk("failing", "echo half >\"$file\"; exit 1");

        List<String> calls = launched(failing);

        assertEquals(2, calls.size(), calls::toString);
        requireWithout(calls);
        assertFalse(Files.exists(start));
        assertEquals(1, launched(failing).size());
    }

    @Test
    void aFileOfTheUsersOwnComesFirst() throws IOException {
        requireTrained(launched(jdk()));

        for (String name : List.of("BOWLINE_JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")) {
            requireWithout(launched(jdk(), Map.of(name, "-Xshare:off")));
        }
    }

    /// Java takes one collector only, and no first heap above the largest.
    @Test
    void theUsersCollectorAndHeapReplaceTheLaunchers() throws IOException {
        requireTrained(launched(jdk()));

        String ours = launched(jdk()).getLast();
        String collector =
                launched(jdk(), Map.of("BOWLINE_JAVA_OPTS", "-XX:+UseG1GC")).getLast();
        String heap = launched(jdk(), Map.of("BOWLINE_JAVA_OPTS", "-Xmx8m")).getLast();

        assertTrue(ours.contains("-XX:+UseSerialGC") && ours.contains("-Xms"), ours);
        assertFalse(collector.contains("-XX:+UseSerialGC"), collector);
        assertTrue(collector.contains("-XX:+UseG1GC") && collector.contains("-Xms"), collector);
        assertTrue(heap.contains("-Xmx8m") && !heap.contains("-Xms"), heap);
    }

    @Test
    void optionsThatJavaRefusesAreNamed() throws IOException {
        Launch launch = launch(jdk(), "version", Map.of("BOWLINE_JAVA_OPTS", "-Xmx1k"));

        assertEquals(1, launch.exitCode());
        assertTrue(
                launch.printed().startsWith("error: Java does not start with BOWLINE_JAVA_OPTS='-Xmx1k': Too small\n"));
        assertTrue(launch.printed().contains("\n  fix: "), launch.printed());
    }

    /// Java decodes arguments and file names as the locale says, and C knows ASCII only.
    @Test
    void aLocaleWithoutUnicodeIsReplaced() throws IOException {
        requireTrained(launched(jdk()));

        for (Map<String, String> ascii :
                List.of(Map.<String, String>of(), Map.of("LANG", "C"), Map.of("LC_ALL", "POSIX"))) {
            assertTrue(launched(jdk(), ascii).getLast().startsWith("LC_ALL=C.UTF-8 "), ascii::toString);
        }
        assertTrue(launched(jdk(), Map.of("LANG", "C.UTF-8")).getLast().startsWith("LC_ALL= "));
    }

    @Test
    void aPlatformWithoutNativesIsRefused() throws IOException {
        requireTrained(launched(jdk()));
        Path programs = Files.createDirectories(temporary.resolve("programs"));
        for (String machine : List.of("Linux aarch64", "Darwin x86_64")) {
            Path uname = Files.writeString(programs.resolve("uname"), "#!/bin/sh\necho '%s'\n".formatted(machine));
            Files.setPosixFilePermissions(uname, PosixFilePermissions.fromString("rwxr-xr-x"));

            Launch launch = launch(
                    jdk(),
                    "finetune",
                    Map.of("PATH", programs + ":" + System.getenv().getOrDefault("PATH", "")));

            assertEquals(1, launch.exitCode());
            assertEquals(List.of(), launch.calls());
            assertTrue(launch.printed().contains("for %s".formatted(machine.replace(" ", " on "))), launch.printed());
            assertTrue(launch.printed().contains("Linux on x86_64, macOS on Apple silicon"), launch.printed());
        }
    }

    /// What Java watches is the commands at work, and not their failing.
    @Test
    void theTrainingDoesWhatItIsFor() throws IOException, InterruptedException {
        Path log = temporary.resolve("printed");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        TRAINING)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();

        assertEquals(0, process.waitFor(), () -> log.toString());

        String printed = Files.readString(log);
        for (String part : List.of("\"schema_version\"", "Each program gets", "Usage:", "After\n", "T01")) {
            assertTrue(printed.contains(part), printed);
        }
        assertFalse(printed.contains("this is a bug"), printed);
    }
}
