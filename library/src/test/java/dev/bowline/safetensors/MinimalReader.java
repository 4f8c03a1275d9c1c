package dev.bowline.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The least that reads a safetensors file, sharing nothing with the reader under test: a judge of what is written.
final class MinimalReader {

    /// @param shape as the header spells it, such as `3,5`
    record Tensor(String dtype, String shape, byte[] bytes) {}

    private static final Pattern TENSOR = Pattern.compile(
            "\"([^\"]+)\":\\{\"dtype\":\"(\\w+)\",\"shape\":\\[([\\d,]*)],\"data_offsets\":\\[(\\d+),(\\d+)]}");

    private MinimalReader() {}

    /// Tensors by name, in the order of the header.
    static Map<String, Tensor> read(Path path) throws IOException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(file.getLong())];
        file.get(header);
        byte[] data = new byte[file.remaining()];
        file.get(data);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Matcher matcher = TENSOR.matcher(new String(header, StandardCharsets.UTF_8));
        int end = 0;
        while (matcher.find()) {
            if (Integer.parseInt(matcher.group(4)) != end) {
                throw new IOException("tensor " + matcher.group(1) + " does not start where the last one ended");
            }
            end = Integer.parseInt(matcher.group(5));
            byte[] bytes = Arrays.copyOfRange(data, Integer.parseInt(matcher.group(4)), end);
            tensors.put(matcher.group(1), new Tensor(matcher.group(2), matcher.group(3), bytes));
        }
        if (end != data.length) {
            throw new IOException("bytes " + end + " to " + data.length + " belong to no tensor");
        }
        return tensors;
    }
}
