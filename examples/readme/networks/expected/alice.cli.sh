# swarmgen 0.1.0, config sha256:b792ea273d5511ff8543beaa05fd7b2c180586f4afb87d936880f32b9e279590
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --network name=mynetwork \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
