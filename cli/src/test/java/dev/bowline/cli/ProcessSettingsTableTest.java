package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The launcher, the benchmarks, the build and the documentation have the process settings of one table.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the scripts are for a POSIX shell")
class ProcessSettingsTableTest {

    private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();
    private static final Path TABLE =
            PROJECT.resolve("library/src/main/resources/dev/bowline/platform/process.properties");
    private static final String LAUNCHER = "bowline generate";
    private static final String BENCH = "bench/java.sh TrainingStepBench";

    @TempDir
    private Path temporary;

    private final Properties table = new Properties();

    @BeforeEach
    void readTheTable() throws IOException {
        try (var text = Files.newBufferedReader(TABLE)) {
            table.load(text);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {LAUNCHER, BENCH})
    void aScriptStartsJavaWithTheTable(String script) throws Exception {
        Started java = start(script, Map.of());

        assertEquals(section("start."), java.environment());
        for (String option : section("java.").values()) {
            assertTrue(java.options().contains(option), option + " is not in " + java.options());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {LAUNCHER, BENCH})
    void aVariableThatIsSetKeepsItsValueAndAnEmptyOneIsRemoved(String script) throws Exception {
        Map<String, String> expected = section("start.");
        expected.put("MALLOC_ARENA_MAX", "3");
        expected.remove("GLIBC_TUNABLES");

        Started java = start(script, Map.of("MALLOC_ARENA_MAX", "3", "GLIBC_TUNABLES", ""));

        assertEquals(expected, java.environment());
    }

    @ParameterizedTest
    @ValueSource(strings = {LAUNCHER, BENCH})
    void oneSwitchLeavesTheEnvironmentAlone(String script) throws Exception {
        assertEquals(
                Map.of(), start(script, Map.of("BOWLINE_TUNE_PROCESS", "false")).environment());
    }

    @Test
    void theLauncherOfWindowsHasTheOptionsOfTheTable() throws IOException {
        String launcher = Files.readString(PROJECT.resolve("bowline.cmd"));

        section("java.").values().forEach(option -> assertTrue(launcher.contains(" " + option), option));
    }

    /// The collector of the tests is the choice of Java.
    @Test
    void theTestsRunWithTheOptionsOfTheTable() throws IOException {
        String build = Files.readString(PROJECT.resolve("pom.xml"));
        String argLine = build.substring(build.indexOf("<argLine>"), build.indexOf("</argLine>"));

        Map<String, String> options = section("java.");
        options.remove("collector");
        options.values().forEach(option -> assertTrue(argLine.contains(option), option));
    }

    @Test
    void noOtherFileStatesASetting() throws IOException {
        for (String file :
                List.of("bowline", "bowline.cmd", "pom.xml", "bench/java.sh", "library/pom.xml", "cli/pom.xml")) {
            String text = Files.readString(PROJECT.resolve(file));
            for (String section : List.of("start.", "load.", "property.", "application.")) {
                section(section).keySet().forEach(name -> assertFalse(text.contains(name), file + " states " + name));
            }
        }
    }

    @Test
    void theContainerHasTheTable() throws IOException {
        String table = PROJECT.relativize(TABLE.getParent()).toString();

        assertTrue(Files.readString(PROJECT.resolve("Dockerfile")).contains("/opt/bowline/" + table));
    }

    @Test
    void thePageListsEachSettingWithItsValue() throws IOException {
        String page = Files.readString(PROJECT.resolve("docs/process-settings.md"));

        for (String key : table.stringPropertyNames()) {
            String name = key.startsWith("java.")
                    ? "`%s`".formatted(table.getProperty(key))
                    : "`%s=%s`".formatted(key.substring(key.indexOf('.') + 1), table.getProperty(key));
            assertTrue(page.contains("| " + name + " |"), "docs/process-settings.md has no row for " + name);
        }
    }

    private Map<String, String> section(String prefix) {
        Map<String, String> settings = new TreeMap<>();
        table.stringPropertyNames().stream()
                .filter(key -> key.startsWith(prefix))
                .forEach(key -> settings.put(key.substring(prefix.length()), table.getProperty(key)));
        return settings;
    }

    /// @param environment the variables of the C library that Java was started with
    /// @param options the arguments of Java
    private record Started(Map<String, String> environment, List<String> options) {}

    /// Runs a script with a `java` that writes down its environment and its arguments.
    private Started start(String script, Map<String, String> environment) throws Exception {
        Path jdk = temporary.toRealPath().resolve("jdk");
        Files.createDirectories(jdk.resolve("bin"));
        Path log = temporary.resolve("log");
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        Files.writeString(jdk.resolve("bin/java"), "#!/bin/sh\nenv >\"$LOG\"\nprintf '%s\\n' \"$@\" >>\"$LOG\"\n");
        Files.writeString(jdk.resolve("bin/javac"), "#!/bin/sh\n");
        for (String program : List.of("java", "javac")) {
            Files.setPosixFilePermissions(
                    jdk.resolve("bin").resolve(program), PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        List<String> command = new ArrayList<>(List.of("sh"));
        command.addAll(List.of(script.split(" ")));
        command.set(1, PROJECT.resolve(command.get(1)).toString());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().keySet().removeIf(name -> name.matches("(MALLOC|GLIBC|BOWLINE|JAVA|JDK)_.*"));
        builder.environment()
                .putAll(Map.of("JAVA_HOME", jdk.toString(), "LOG", log.toString(), "BOWLINE_BUILD", "never"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
        List<String> lines = Files.readAllLines(log);
        Map<String, String> found = new HashMap<>();
        for (String line : lines) {
            if (line.matches("(MALLOC_|GLIBC_TUNABLES).*")) {
                found.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1));
            }
        }
        return new Started(found, lines);
    }
}
