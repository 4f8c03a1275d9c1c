package dev.bowline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;

/// The job in Java of `docs/guides/spark.md`, compiled and run in this process.
final class GuideProgram {

    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private GuideProgram() {}

    /// @param directory for the classes
    static void run(Path directory, Path recipe, Path table, int ranks) throws Exception {
        Matcher program = PROGRAM.matcher(Files.readString(Path.of("..", "docs", "guides", "spark.md")));
        assertTrue(program.find());
        Path source = Files.writeString(directory.resolve("Tune.java"), program.group(1));
        int exit = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-proc:none",
                        "-d",
                        directory.toString(),
                        source.toString());
        assertEquals(0, exit);

        // The settings that spark-submit gives to a job.
        Map<String, String> settings = Map.of("spark.master", "local[2]", "spark.ui.enabled", "false");
        settings.forEach(System::setProperty);
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
            String[] arguments = {recipe.toString(), table.toString(), Integer.toString(ranks)};
            loader.loadClass("Tune").getMethod("main", String[].class).invoke(null, (Object) arguments);
        } finally {
            settings.keySet().forEach(System::clearProperty);
        }
    }
}
