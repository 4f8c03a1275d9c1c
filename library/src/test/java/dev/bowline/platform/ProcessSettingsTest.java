package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.StringReader;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// A program that uses the library runs with the settings of the table, unless they are switched off.
@EnabledOnOs(value = OS.LINUX, disabledReason = "the environment and mallopt are set on Linux only")
class ProcessSettingsTest {

    private static final String UNSET = "unset";

    /// Prints the settings as native code finds them.
    static final class Program {

        private static final long SIXTEEN_MIBIBYTES = 16L << 20;

        /// The bit of a chunk's size field that marks memory of its own mapping.
        private static final long IS_MMAPPED = 2;

        private Program() {}

        public static void main(String[] args) throws Throwable {
            switch (args[0]) {
                case "library" -> NativeProcess.tune();
                case "application" -> NativeProcess.tuneApplication();
                default -> throw new IllegalArgumentException(args[0]);
            }
            ProcessSettings settings = ProcessSettings.read();
            for (String name : settings.load().keySet()) {
                System.out.println(name + "=" + getenv(name));
            }
            List<String> properties = new ArrayList<>(settings.properties().keySet());
            properties.addAll(settings.application().keySet());
            for (String name : properties) {
                System.out.println(name + "=" + System.getProperty(name, UNSET));
            }
            System.out.println("mmapped=" + isMapped());
        }

        private static boolean isMapped() throws Throwable {
            Linker linker = Linker.nativeLinker();
            MemorySegment malloc = linker.defaultLookup().findOrThrow("malloc");
            MemorySegment memory =
                    (MemorySegment) linker.downcallHandle(malloc, FunctionDescriptor.of(ADDRESS, JAVA_LONG))
                            .invokeExact(SIXTEEN_MIBIBYTES);
            long size = MemorySegment.ofAddress(memory.address() - Long.BYTES)
                    .reinterpret(Long.BYTES)
                    .get(JAVA_LONG, 0);
            return (size & IS_MMAPPED) != 0;
        }
    }

    private static String getenv(String name) {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = (MemorySegment) linker.downcallHandle(
                            linker.defaultLookup().findOrThrow("getenv"), FunctionDescriptor.of(ADDRESS, ADDRESS))
                    .invokeExact(arena.allocateFrom(name));
            return value.equals(MemorySegment.NULL)
                    ? UNSET
                    : value.reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aLibraryRunsWithTheTableAndLeavesTheCollectorOfPointersOn() throws Exception {
        Map<String, String> expected = table("load.", "property.");
        expected.put("org.bytedeco.javacpp.nopointergc", UNSET);
        expected.put("mmapped", "false");

        assertEquals(expected, run("library", Map.of()));
    }

    @Test
    void anApplicationRunsWithItsSettingsToo() throws Exception {
        Map<String, String> expected = table("load.", "property.", "application.");
        expected.put("mmapped", "false");

        assertEquals(expected, run("application", Map.of()));
    }

    @Test
    void aVariableThatIsSetKeepsItsValue() throws Exception {
        Map<String, String> set = Map.of("OMP_NUM_THREADS", "1", "MALLOC_MMAP_THRESHOLD_", "131072");

        Map<String, String> found = run("library", set);

        assertEquals("1", found.get("OMP_NUM_THREADS"));
        assertEquals("true", found.get("mmapped"));
    }

    @Test
    void oneSwitchLeavesTheProcessAlone() throws Exception {
        Map<String, String> expected = table("load.", "property.", "application.");
        expected.replaceAll((name, value) -> UNSET);
        expected.put("mmapped", "true");

        assertEquals(expected, run("application", Map.of("BOWLINE_TUNE_PROCESS", "false")));
        assertEquals(expected, run("application", Map.of(), "-Dbowline.tune.process=false"));
    }

    /// The tests of this module run with the settings of a library user.
    @Test
    void theseTestsRunWithTheTable() throws IOException {
        Map<String, String> expected = table("load.");
        expected.replaceAll((name, value) -> Objects.requireNonNullElse(System.getenv(name), value));
        Map<String, String> found = new HashMap<>();
        expected.keySet().forEach(name -> found.put(name, getenv(name)));

        assertEquals(expected, found);
    }

    private static Map<String, String> table(String... sections) throws IOException {
        Properties table = new Properties();
        try (var text = ProcessSettingsTest.class.getResourceAsStream("process.properties")) {
            table.load(text);
        }
        Map<String, String> settings = new HashMap<>();
        for (String key : table.stringPropertyNames()) {
            for (String section : sections) {
                if (key.startsWith(section)) {
                    settings.put(key.substring(section.length()), table.getProperty(key));
                }
            }
        }
        settings.computeIfPresent(
                "OMP_NUM_THREADS",
                (name, cores) -> ProcessSettings.read().load().get(name));
        return settings;
    }

    private static Map<String, String> run(String kind, Map<String, String> environment, String... options)
            throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName(), kind));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(name -> name.matches("(MALLOC|OMP|OPENBLAS|THP|GLIBC|BOWLINE)_.*"));
        builder.environment().putAll(environment);
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Properties found = new Properties();
        found.load(new StringReader(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)));
        assertEquals(0, process.waitFor());
        Map<String, String> settings = new HashMap<>();
        found.stringPropertyNames().forEach(name -> settings.put(name, found.getProperty(name)));
        return settings;
    }
}
