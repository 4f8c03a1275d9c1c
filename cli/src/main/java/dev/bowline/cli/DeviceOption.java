package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.tensor.DeviceChoice;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// The device a model computes on, as `model.device` of a recipe spells it.
final class DeviceOption implements ITypeConverter<DeviceChoice> {

    static final String DESCRIPTION = "Device to compute on: auto, cpu, cuda, or cuda:N for GPU N.";

    @Override
    public DeviceChoice convert(String value) {
        try {
            return DeviceChoice.parse(value);
        } catch (BowlineException e) {
            throw new TypeConversionException("%s; %s".formatted(e.problem(), e.fix()));
        }
    }
}
