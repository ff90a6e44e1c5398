// What is dragged: files, or words within the page, which its fields take by themselves.
export const holdsFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes("Files") ?? false;
