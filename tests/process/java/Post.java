import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** Posts events to the URL of its first argument, one after the other, with Java's default client: as anybody does. */
public class Post {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        int id = 0;
        for (int size : new int[] {0, 5, 70_000, 900_000}) {
            byte[] body = "0123456789".repeat(size).substring(0, size).getBytes();
            BodyPublisher counted = BodyPublishers.ofByteArray(body);
            BodyPublisher chunked = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
            for (BodyPublisher publisher : new BodyPublisher[] {counted, chunked}) {
                HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
                        .header("ce-specversion", "1.0")
                        .header("ce-id", Integer.toString(id++))
                        .header("ce-source", "/java")
                        .header("ce-type", "t")
                        .POST(publisher)
                        .build();
                System.out.println(client.send(request, BodyHandlers.discarding()).statusCode());
            }
        }
    }
}
